package deploy

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/child"
)

// startLimit limits the time until a service reports that it listens.
const startLimit = time.Minute

// output collects the output of a process.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // capacity 1
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	select {
	case o.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// String returns the output so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serve starts a command that runs until the end of the test. It waits for a pattern in the
// output, and returns the pattern's group.
func serve(t *testing.T, c *exec.Cmd, pattern string) (found string, out *output) {
	t.Helper()
	out = &output{more: make(chan struct{}, 1)}
	c.Stdout, c.Stderr = out, out
	process, err := child.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	wanted, limit := regexp.MustCompile(pattern), time.After(startLimit)
	for {
		if match := wanted.FindStringSubmatch(out.String()); match != nil {
			return match[1], out
		}
		select {
		case <-out.more:
		case <-process.Gone:
			t.Fatalf("%s has ended:\n%s", filepath.Base(c.Path), out)
		case <-limit:
			t.Fatalf("the output of %s does not match %s:\n%s", filepath.Base(c.Path), pattern, out)
		}
	}
}
