//go:build unix

package mongo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
)

const (
	// hurry is the client's timeout in these tests.
	hurry = time.Second
	// faulted is the database of these tests, on a server of their own.
	faulted = "faults"
)

// fault is something bad that happens to the store and passes.
type fault struct {
	name  string
	begin func()
	lasts span
	end   func()
}

// span is how long something lasts, at random.
type span struct{ least, most time.Duration }

func (s span) choose() time.Duration { return s.least + rand.N(s.most-s.least+1) }

var (
	instant = span{}
	short   = span{0, hurry}
	long    = span{hurry, 3 * hurry}
	longer  = span{2 * hurry, 3 * hurry}  // the client has given up and tried again
	longest = span{9 * hurry, 10 * hurry} // it does not find out what became of a commit
)

// Whatever happens to the server, nothing is lost, nothing is double, and commits
// go on when it is back.
func TestFaultsOfServer(t *testing.T) {
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

// Whatever happens to the connections, nothing is lost, nothing is double, and
// commits go on when they are back.
func TestFaultsOfNetwork(t *testing.T) {
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

// A message that is late or lost loses nothing and doubles nothing: a commit that
// arrives when the client has given it up, its answer, a claim that a later one has
// overtaken.
func TestFaultsOfMessages(t *testing.T) {
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
			{"commit lost at once", sprung(proxy.HoleBefore, commit), instant, proxy.Cut},
			{"commit overtaken", sprung(proxy.Hold, commit), longer, proxy.Pass},
			{"answer late", sprung(proxy.HoleAfter, commit), long, proxy.Pass},
			{"answer late beyond patience", sprung(proxy.HoleAfter, commit), longest, proxy.Pass},
			{"answer lost", sprung(proxy.HoleAfter, commit), long, proxy.Cut},
			{"answer lost at once", sprung(proxy.HoleAfter, commit), instant, proxy.Cut},
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

// world is a store that suffers, and those who commit to it.
type world struct {
	store      persistence.Store // of the same database, by a way that no fault is on
	committers []*committer
	within     atomic.Pointer[func()] // what happens next within a commit

	ctx   context.Context // until a committer fails or the world ends
	group *errgroup.Group
	stop  context.CancelCauseFunc
}

// newWorld has committers commit by a URI until the world ends.
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
		_ = w.group.Wait() // a failure has been told by then
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

// happens lets happen, within a commit, what is to.
func (w *world) happens() {
	if do := w.within.Swap(nil); do != nil {
		(*do)()
	}
}

// suffers lets a fault happen at any moment.
func (w *world) suffers(t *testing.T, f fault) {
	t.Helper()
	if w.ctx.Err() != nil {
		return // it has been told why
	}
	t.Run(f.name, func(t *testing.T) {
		time.Sleep(span{0, 20 * time.Millisecond}.choose()) // to any moment of a commit
		f.begin()
		w.recovers(t, f)
	})
}

// suffersWithin lets a fault begin in the middle of a commit.
func (w *world) suffersWithin(t *testing.T, f fault) {
	t.Helper()
	if w.ctx.Err() != nil {
		return
	}
	t.Run(f.name+" within a commit", func(t *testing.T) {
		begun := make(chan struct{})
		begin := func() {
			f.begin()
			close(begun)
		}
		w.within.Store(&begin)
		w.await(t, begun)
		w.recovers(t, f)
	})
}

// recovers ends a fault that has begun and waits until everybody commits again.
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

// goesOn waits until everybody has committed some more.
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

// await waits for something that takes no longer than soon. The world ends if it
// takes longer, or if a committer fails.
func (w *world) await(t *testing.T, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-w.ctx.Done():
	case <-time.After(soon):
		w.stop(fmt.Errorf("nothing goes on for %v", soon))
	}
	if w.ctx.Err() != nil {
		t.Error(context.Cause(w.ctx))
	}
}

// ends stops the committers and checks what they leave behind.
func (w *world) ends(t *testing.T) {
	t.Helper()
	w.stop(nil)
	if err := w.group.Wait(); err != nil {
		t.Error(err)
	}
	for _, c := range w.committers {
		actor, err := c.claim(t.Context())
		if err == nil {
			err = c.resume(actor.Seq)
		}
		if err != nil {
			t.Error(err)
		}
		whole(t, w.store, c.market)
	}
}
