package simulation

import (
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"
)

// shown is how many of the newest steps a trace shows.
const shown = 200

// trace records the steps of a run: all of them in a digest, and the text of the newest.
type trace struct {
	began  time.Time
	lasted time.Duration
	steps  int
	digest uint64
	newest [shown]string
	all    io.Writer // nil: only the newest are kept
}

func newTrace() *trace { return &trace{began: time.Now()} }

func (t *trace) add(s *step) { t.note(fmt.Sprintf("%-11s %s", s.of.title(), s.name)) }

func (t *trace) note(text string) {
	t.lasted = time.Since(t.began)
	t.keep(fmt.Sprintf("%15v %s", t.lasted, text))
}

func (t *trace) keep(line string) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%x%s", t.digest, line)
	t.digest = h.Sum64()
	t.newest[t.steps%shown] = line
	if t.all != nil {
		fmt.Fprintln(t.all, line)
	}
	t.steps++
}

// String returns the newest steps, a line each.
func (t *trace) String() string {
	var b strings.Builder
	for i := max(0, t.steps-shown); i < t.steps; i++ {
		fmt.Fprintln(&b, t.newest[i%shown])
	}
	return b.String()
}
