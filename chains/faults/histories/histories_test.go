// Package histories tests random histories: a chain that grows and is reorganised, nodes
// with every profile of faults in front of it, and a worker that is killed occasionally.
// In the end the documents must be those of the chain, whatever happened.
package histories

import (
	"bytes"
	"context"
	"flag"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/internal/thorough"
)

var (
	seeds = flag.Int("seeds", 0, "how many histories to run, each with its own seed; some for each profile if 0")
	first = flag.Uint64("seed", 1, "the first seed")
)

// perProfile is the default number of histories for each profile.
const perProfile = 2

// The documents are those of the chain, whatever its nodes do and however often the
// worker is killed. The seed modulo the number of trials selects the profile.
func TestHistories(t *testing.T) {
	all, err := trials()
	if err != nil {
		t.Fatal(err)
	}
	each(t, perProfile*len(all), func(ctx context.Context, seed uint64) {
		tr := all[seed%uint64(len(all))]
		var out logged
		if err := run(ctx, seed, tr, &out); err != nil {
			t.Errorf("profile %s, seed %d: %v\nlog:\n%s\nto repeat: go test ./chains/faults/histories -run 'TestHistories$' -seed %d -seeds 1", tr.name, seed, err, out.tail(), seed)
		}
	})
}

// each runs as many histories as were requested on the command line, or else count, of which
// quick tests run a tenth. It runs several concurrently: they wait half of the time. More of
// them at once take longer, because all wait for each other until the nodes' timeouts strike.
func each(t *testing.T, count int, history func(ctx context.Context, seed uint64)) {
	t.Helper()
	count = thorough.Count(max(1, count/10), count)
	if *seeds > 0 {
		count = *seeds
	}
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range count {
		group.Go(func() error {
			history(t.Context(), *first+uint64(i))
			return nil
		})
	}
	_ = group.Wait()
}

// logged is the end of a log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > 64<<10 {
		l.text.Next(32 << 10)
	}
	return l.text.Write(p)
}

func (l *logged) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(l.text.String()), "\n")
	const most = 25
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
