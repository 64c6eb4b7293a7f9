//go:build unix

package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

const (
	// hurry is the client's timeout in these tests.
	hurry = time.Second
	// faulted is the database of these tests, on a server of their own.
	faulted = "faults"
)

// fault is a temporary fault of the store.
type fault struct {
	name  string
	start func()
	lasts span
	end   func()
}

// span is a random duration.
type span struct{ least, most time.Duration }

func (s span) choose() time.Duration { return s.least + rand.N(s.most-s.least+1) }

var (
	instant = span{}
	short   = span{0, hurry}
	long    = span{hurry, 3 * hurry}
	longer  = span{2 * hurry, 3 * hurry}  // the client times out and retries
	longest = span{9 * hurry, 10 * hurry} // the client cannot determine the outcome of a commit
)

// Whatever happens to the server, nothing is lost or duplicated, and commits continue
// when it is back.
func TestFaultsOfServer(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	w := newWorld(t, server, database(t, server))
	for range rounds(t, 1) {
		for _, f := range []fault{
			{"killed", server.Kill, short, server.Restart},
			{"paused", server.Pause, span{hurry, 7 * hurry}, server.Resume},
			{"paused for a moment", server.Pause, short, server.Resume},
			{"stepped down", func() { server.StepDown(t.Context(), 1+rand.IntN(2)) }, instant, nil},
		} {
			w.suffers(t, f)
			w.suffersWithin(t, f)
		}
	}
	w.ends(t)
}

// Whatever happens to the connections, nothing is lost or duplicated, and commits
// continue when they are back.
func TestFaultsOfNetwork(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	w := newWorld(t, server, proxy.URI(faulted))
	for range rounds(t, 1) {
		for _, f := range []fault{
			{"black hole", proxy.Hole, long, proxy.Pass},
			{"black hole and cut", proxy.Hole, long, proxy.Cut},
			{"black hole for a moment", proxy.Hole, short, proxy.Pass},
			{"black hole beyond patience", proxy.Hole, longest, proxy.Pass},
			{"refused", proxy.Refuse, short, proxy.Pass},
			{"cut", proxy.Cut, instant, nil},
		} {
			w.suffers(t, f)
			w.suffersWithin(t, f)
		}
	}
	w.ends(t)
}

// A late or lost message loses nothing and duplicates nothing: a commit that arrives
// after the client has timed out, its answer, a claim that a later claim has overtaken.
func TestFaultsOfMessages(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	w := newWorld(t, server, proxy.URI(faulted))
	sprung := func(lay func(string) <-chan struct{}, command string) func() {
		return func() { w.await(t, lay(command)) }
	}
	const begin, commit, claim = "startTransaction", "commitTransaction", "findAndModify"
	for range rounds(t, 1) {
		for _, f := range []fault{
			{"commit late", sprung(proxy.HoleBefore, commit), long, proxy.Pass},
			{"commit late for a moment", sprung(proxy.HoleBefore, commit), short, proxy.Pass},
			{"commit late beyond patience", sprung(proxy.HoleBefore, commit), longest, proxy.Pass},
			{"commit lost", sprung(proxy.HoleBefore, commit), long, proxy.Cut},
			{"commit lost immediately", sprung(proxy.HoleBefore, commit), instant, proxy.Cut},
			{"commit overtaken", sprung(proxy.Hold, commit), longer, proxy.Pass},
			{"answer late", sprung(proxy.HoleAfter, commit), long, proxy.Pass},
			{"answer late beyond patience", sprung(proxy.HoleAfter, commit), longest, proxy.Pass},
			{"answer lost", sprung(proxy.HoleAfter, commit), long, proxy.Cut},
			{"answer lost immediately", sprung(proxy.HoleAfter, commit), instant, proxy.Cut},
			{"begin overtaken", sprung(proxy.Hold, begin), longer, proxy.Pass},
			{"claim late", sprung(proxy.HoleBefore, claim), long, proxy.Pass},
			{"claim overtaken", sprung(proxy.Hold, claim), longer, proxy.Pass},
			{"answer to claim late", sprung(proxy.HoleAfter, claim), long, proxy.Pass},
		} {
			w.suffers(t, f)
		}
	}
	w.ends(t)
}

// world is a store under faults, and its committers.
type world struct {
	store      persistence.Store // of the same database, on a connection without faults
	committers []*committer
	within     atomic.Pointer[func()] // the fault to run within the next commit

	ctx   context.Context // until a committer fails or the world ends
	group *errgroup.Group
	stop  context.CancelCauseFunc
}

// newWorld runs committers on a URI until the world ends.
func newWorld(t *testing.T, server *mongotest.Server, uri string) *world {
	t.Helper()
	w := &world{store: openAt(t, database(t, server))}
	epoch, err := w.store.TakeOver(t.Context(), chain, "node")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	w.stop = stop
	w.group, w.ctx = errgroup.WithContext(ctx)
	store := openAt(t, fmt.Sprintf("%s&timeoutMS=%d", uri, hurry.Milliseconds()))
	for i := range 3 {
		c := &committer{store: store, market: fmt.Sprint("market-", i), node: "node", epoch: epoch, between: w.happens}
		w.committers = append(w.committers, c)
		w.group.Go(func() error { return c.run(w.ctx) })
	}
	t.Cleanup(func() {
		stop(nil)
		_ = w.group.Wait() // failures are already reported
	})
	w.goesOn(t)
	return w
}

func database(t *testing.T, server *mongotest.Server) string {
	t.Helper()
	uri, err := mongotest.WithDatabase(server.URI(), faulted)
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// happens runs the scheduled fault, within a commit.
func (w *world) happens() {
	if do := w.within.Swap(nil); do != nil {
		(*do)()
	}
}

// suffers runs a fault at any moment.
func (w *world) suffers(t *testing.T, f fault) {
	t.Helper()
	if w.ctx.Err() != nil {
		return // the failure is already reported
	}
	t.Run(f.name, func(t *testing.T) {
		time.Sleep(span{0, 20 * time.Millisecond}.choose()) // to any moment of a commit
		f.start()
		w.recovers(t, f)
	})
}

// suffersWithin starts a fault in the middle of a commit.
func (w *world) suffersWithin(t *testing.T, f fault) {
	t.Helper()
	if w.ctx.Err() != nil {
		return
	}
	t.Run(f.name+" within a commit", func(t *testing.T) {
		started := make(chan struct{})
		start := func() {
			f.start()
			close(started)
		}
		w.within.Store(&start)
		w.await(t, started)
		w.recovers(t, f)
	})
}

// recovers ends a fault that has started and waits until all committers commit again.
func (w *world) recovers(t *testing.T, f fault) {
	t.Helper()
	lasted := f.lasts.choose()
	time.Sleep(lasted)
	if f.end != nil {
		f.end()
	}
	ended := time.Now()
	w.goesOn(t)
	t.Logf("lasted %v, over after %v", lasted.Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
}

// goesOn waits until all committers have committed some more.
func (w *world) goesOn(t *testing.T) {
	t.Helper()
	on := make(chan struct{})
	var goals []int64
	for _, c := range w.committers {
		goals = append(goals, c.acknowledged.Load()+3)
	}
	go func() {
		defer close(on)
		for i, c := range w.committers {
			for c.acknowledged.Load() < goals[i] && w.ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	w.await(t, on)
}

// await waits for an event within soon. The world ends if the event takes longer, or if
// a committer fails.
func (w *world) await(t *testing.T, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-w.ctx.Done():
	case <-time.After(soon):
		w.stop(fmt.Errorf("no progress for %v", soon))
	}
	if w.ctx.Err() != nil {
		t.Error(context.Cause(w.ctx))
	}
}

// ends stops the committers and checks the documents.
func (w *world) ends(t *testing.T) {
	t.Helper()
	w.stop(nil)
	if err := w.group.Wait(); err != nil {
		t.Error(err)
	}
	for _, c := range w.committers {
		actor, err := c.claim(t.Context())
		for begun := time.Now(); err != nil && !errors.Is(err, persistence.ErrFenced) && time.Since(begun) < soon; { // its client times out early
			actor, err = c.claim(t.Context())
		}
		if err == nil {
			err = c.resume(actor.Seq)
		}
		if err != nil {
			t.Error(err)
		}
		whole(t, w.store, c.market)
	}
}
