// Package histories holds random histories: a chain that grows and is reorganised, nodes
// with every profile of faults in front of it, and a worker that is killed now and then.
// In the end the documents are those of the chain, whatever happened.
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
)

var (
	seeds = flag.Int("seeds", 0, "how many histories are tried, of as many seeds; some of each profile if 0")
	first = flag.Uint64("seed", 1, "the first seed")
)

// perProfile is how many histories of a profile are tried where nobody says.
const perProfile = 5

// Documents are those of the chain, whatever its nodes do and however often the worker is
// killed. A seed is of the profile that its remainder says.
func TestHistories(t *testing.T) {
	all, err := trials()
	if err != nil {
		t.Fatal(err)
	}
	each(t, perProfile*len(all), func(ctx context.Context, seed uint64) {
		tr := all[seed%uint64(len(all))]
		var out logged
		if err := run(ctx, seed, tr, &out); err != nil {
			t.Errorf("profile %s, seed %d: %v\nlog:\n%s\nagain: go test ./chains/faults/histories -run 'TestHistories$' -seed %d -seeds 1", tr.name, seed, err, out.tail(), seed)
		}
	})
}

// each runs the histories of as many seeds as were asked for, or else of a number of them,
// several at once: they mostly wait.
func each(t *testing.T, count int, history func(ctx context.Context, seed uint64)) {
	t.Helper()
	atOnce := 8 * runtime.GOMAXPROCS(0)
	if raced {
		count, atOnce = count/perProfile, runtime.GOMAXPROCS(0)
	}
	if *seeds > 0 {
		count = *seeds
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
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
