package simulation

import (
	"cmp"
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// scheduler decides what runs next. Only await may be called by other goroutines than that of
// run.
type scheduler struct {
	r     *rand.Rand
	trace *trace

	mu      sync.Mutex
	arrived []*step
	open    bool          // steps no longer wait
	wakes   chan struct{} // a step has arrived

	waiting []*step           // those whose time is drawn
	strike  func(of *process) // if set, is called before the next step whose name contains aim
	aim     string
}

// step is something that waits for its turn.
type step struct {
	of      *process // nil: of the world itself
	name    string
	latency latency
	due     time.Time
	turn    chan struct{} // closed when it has come
	do      func()        // of the world: what is done then
}

// latency is how long steps of a kind take: usually between least and most, once in a while
// up to worst.
type latency struct {
	least, most, worst time.Duration
}

// The kinds of steps.
var (
	// computing is the turn of an actor.
	computing = latency{time.Microsecond, 50 * time.Microsecond, 10 * time.Millisecond}
	// storing is one way between a worker and the server.
	storing = latency{100 * time.Microsecond, 3 * time.Millisecond, 3 * time.Second}
	// reading is one way between a worker and a chain's node.
	reading = latency{2 * time.Millisecond, 60 * time.Millisecond, 8 * time.Second}
)

// rarely is how many steps there are to one that takes up to the worst time of its kind.
const rarely = 60

func (l latency) draw(r *rand.Rand) time.Duration {
	most := l.most
	if r.IntN(rarely) == 0 {
		most = l.worst
	}
	return l.least + time.Duration(r.Int64N(int64(most-l.least)+1))
}

func newScheduler(r *rand.Rand) *scheduler {
	return &scheduler{r: r, trace: newTrace(), wakes: make(chan struct{}, 1)}
}

// await waits for a step's turn, or until the context ends: then it returns the context's
// error.
func (s *scheduler) await(ctx context.Context, of *process, name string, l latency) error {
	turn := make(chan struct{})
	s.mu.Lock()
	if s.open {
		s.mu.Unlock()
		return ctx.Err()
	}
	s.arrived = append(s.arrived, &step{of: of, name: name, latency: l, turn: turn})
	s.mu.Unlock()
	select {
	case s.wakes <- struct{}{}:
	default:
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// after does something in the world after a while.
func (s *scheduler) after(d time.Duration, name string, do func()) {
	s.waiting = append(s.waiting, &step{name: name, due: time.Now().Add(d), do: do})
}

// run runs steps for a while.
func (s *scheduler) run(d time.Duration) {
	end := time.Now().Add(d)
	for {
		synctest.Wait()
		s.admit()
		next := s.first()
		now := time.Now()
		switch {
		case !now.Before(end):
			return
		case next == nil || next.when().After(now):
			s.pass(next, end)
		default:
			s.take(next)
		}
	}
}

// admit draws when the steps that have arrived are due, in the order of their names: they
// have arrived in any order.
func (s *scheduler) admit() {
	s.mu.Lock()
	arrived := s.arrived
	s.arrived = nil
	s.mu.Unlock()
	slices.SortStableFunc(arrived, func(a, b *step) int {
		return cmp.Or(cmp.Compare(a.of.title(), b.of.title()), cmp.Compare(a.name, b.name))
	})
	now := time.Now()
	for _, a := range arrived {
		a.due = now.Add(a.latency.draw(s.r))
	}
	s.waiting = append(s.waiting, arrived...)
}

// when is when the step's turn may come: a frozen process does nothing.
func (st *step) when() time.Time {
	if st.of != nil && st.of.frozen.After(st.due) {
		return st.of.frozen
	}
	return st.due
}

// first is the step that is due first; of several the one that waits longest.
func (s *scheduler) first() (first *step) {
	for _, st := range s.waiting {
		if first == nil || st.when().Before(first.when()) {
			first = st
		}
	}
	return first
}

// pass lets time pass until a step is due, a new one arrives, or the run ends.
func (s *scheduler) pass(next *step, end time.Time) {
	until := end
	if next != nil && next.when().Before(end) {
		until = next.when()
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wakes:
	}
}

// collectEvery is the number of steps between two garbage collections.
const collectEvery = 5000

// aims are the steps at which a fault is likely to do harm: what a worker asks of the server
// then has, or has not, been done. Half of the faults are aimed at commits.
var aims = []string{"commit ", "commit ", "commit ", "commit ", "commit ", "claim ", "acquire ", "start request", "plan webhook", "move webhook"}

// hits reports whether the armed fault strikes at a step.
func (s *scheduler) hits(st *step) bool {
	return s.strike != nil && st.of != nil && strings.Contains(st.name, s.aim)
}

// take lets a step go on, unless a fault strikes first: then its time may have changed.
func (s *scheduler) take(next *step) {
	if s.hits(next) {
		strike := s.strike
		s.strike = nil
		strike(next.of)
		return
	}
	if s.trace.steps%collectEvery == 0 {
		runtime.GC()
	}
	i := slices.Index(s.waiting, next)
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.trace.add(next)
	if next.do != nil {
		next.do()
		return
	}
	close(next.turn)
}

// release lets all steps go on, now and later.
func (s *scheduler) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	for _, st := range append(s.arrived, s.waiting...) {
		if st.turn != nil {
			close(st.turn)
		}
	}
	s.arrived, s.waiting = nil, nil
}
