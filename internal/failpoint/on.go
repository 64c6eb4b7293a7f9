//go:build failpoints

package failpoint

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Enabled says whether the program has failpoints.
const Enabled = true

// Reach reaches a point: one of an actor, or of none if the actor is empty. While the process
// is being killed, no goroutine gets past another point.
func Reach(actor, point string) {
	if actor != "" {
		point = actor + ": " + point
	}
	configured().reach(point)
}

// Around reaches the point before a step, and returns the function that reaches the one after
// it.
func Around(actor, step string) (after func()) {
	Reach(actor, "before "+step)
	return func() { Reach(actor, "after "+step) }
}

var configured = sync.OnceValue(func() *points {
	p, err := parse(os.Getenv("FAILPOINTS"))
	if err == nil && os.Getenv("FAILPOINTS_TRACE") != "" {
		p.trace, err = os.OpenFile(os.Getenv("FAILPOINTS_TRACE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failpoints:", err)
		os.Exit(2)
	}
	return p
})

type points struct {
	mu      sync.Mutex
	left    map[string]int // how often a point is still to be reached before the kill
	trace   io.Writer
	killing func()
}

// parse reads the value of FAILPOINTS.
func parse(value string) (*points, error) {
	p := &points{left: map[string]int{}, trace: io.Discard, killing: kill}
	for kill := range strings.SplitSeq(value, ";") {
		if kill == "" {
			continue
		}
		name, nth, _ := strings.Cut(kill, "#")
		n, err := strconv.Atoi(nth)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not NAME#N with a positive N", kill)
		}
		p.left[name] = n
	}
	return p, nil
}

func (p *points) reach(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.trace, name)
	if left, listed := p.left[name]; listed {
		if p.left[name] = left - 1; left == 1 {
			p.killing()
		}
	}
}

// kill ends the process as kill -9 does.
func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
