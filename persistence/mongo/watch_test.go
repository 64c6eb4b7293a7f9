package mongo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// watched is a store that is watched until the test ends.
type watched struct {
	t       *testing.T
	changes chan time.Time // the time of each report
	ended   chan error
}

func watch(t *testing.T, store *mongo.Store) *watched {
	t.Helper()
	w := &watched{t, make(chan time.Time, 1000), make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	over := make(chan struct{})
	t.Cleanup(func() { cancel(); <-over })
	go func() {
		defer close(over)
		w.ended <- store.Watch(ctx, func() { w.changes <- time.Now() })
	}()
	w.tells("the start of the watch")
	return w
}

// tells expects a change to be reported.
func (w *watched) tells(of string) {
	w.t.Helper()
	select {
	case <-w.changes:
	case err := <-w.ended:
		w.t.Fatalf("waiting for %s the watch has ended: %v", of, err)
	case <-time.After(soon):
		w.t.Fatalf("%s is not reported", of)
	}
}

// tellsNothing expects that no change is reported.
func (w *watched) tellsNothing(of string) {
	w.t.Helper()
	select {
	case <-w.changes:
		w.t.Errorf("%s is reported", of)
	case <-time.After(300 * time.Millisecond):
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The changes that nodes wait for are reported soon after they happen; heartbeats and
// other frequent changes are not.
func TestWatch(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store, other := openAt(t, uri), openAt(t, uri)
	w := watch(t, store)

	join(t, other, "a")
	join(t, other, "b")
	must[persistence.Node](t)(other.Heartbeat(t.Context(), "a", heartbeat()))
	lease := must[persistence.Lease](t)(other.Acquire(t.Context(), persistence.Lease{Chain: chain}, "a"))
	owner(t, other, lease)
	w.tellsNothing("heartbeats and an acquisition")

	release(t, other, lease)
	w.tells("a release")
	must[persistence.Node](t)(other.Heartbeat(t.Context(), "a", persistence.Heartbeat{Clock: wrongClock, Leaving: true}))
	w.tells("a leaving node")
	r := must[persistence.Request](t)(askDrain(other, "b", true))
	w.tells("a request to drain")
	must[bool](t)(other.StartDrain(t.Context(), "b", r.ID))
	w.tells("a drain")
	must[bool](t)(other.DeclareDead(t.Context(), "b", 2))
	w.tells("a death")

	ask(t, other, 0, "r")
	w.tells("a request")
	must[bool](t)(other.Fail(t.Context(), "r", "no answer"))
	w.tells("its failure")
	w.tellsNothing("anything more")
}

// Other changes are not reported, however many there are, and simultaneous changes are
// reported together.
func TestWatchTellsTogether(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store, other := openAt(t, uri), openAt(t, uri)
	w := watch(t, store)
	var ids []string
	for i := range 100 {
		ids = append(ids, string(rune('A'+i)))
	}
	ask(t, other, time.Minute, ids...)
	w.tells("the requests")
	time.Sleep(300 * time.Millisecond)
	if n := len(w.changes); n > 50 {
		t.Errorf("100 requests of one write are told %d times", n)
	}
}

// A watch ends with its context, and with its connection; then another one can be
// opened.
func TestWatchEnds(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	store, other := openAt(t, proxy.URI(faulted)), openAt(t, database(t, server))
	w := watch(t, store)

	proxy.Cut() // the driver resumes the stream
	ask(t, other, time.Minute, "after the cut")
	w.tells("what happened after the cut")

	proxy.Refuse()
	if err := ending(t, w, 2*soon); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if err := store.Watch(t.Context(), func() { t.Error("the watch has started") }); err == nil {
		t.Error("a watch was opened without a server")
	}
	proxy.Pass()
	again := watch(t, store)
	ask(t, other, time.Minute, "after the end")
	again.tells("what happened after it was opened again")

	proxy.Hole()
	if err := ending(t, again, 20*time.Second); err == nil {
		t.Error("it ends without an error in a black hole")
	}
	proxy.Pass()

	ctx, cancel := context.WithCancel(t.Context())
	if err := store.Watch(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("with its context it ends with %v", err)
	}
}

// ending waits until a watch has ended.
func ending(t *testing.T, w *watched, within time.Duration) error {
	t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(within):
		t.Fatal("it does not end")
		return nil
	}
}

// A step-down of the primary may end the watch, but no change is missed by a caller that
// opens a new watch and then reads the documents.
func TestWatchOutlivesStepDown(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	uri := database(t, server)
	store, other := openAt(t, uri), openAt(t, uri)
	told := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			_ = store.Watch(ctx, func() { told <- struct{}{} })
		}
	}()
	<-told
	server.StepDown(t.Context(), 1)
	for started := time.Now(); ; {
		if err := other.Ask(t.Context(), []persistence.Request{{ID: "r", Chain: chain, Kind: persistence.StatusRequest}}, time.Minute); err == nil {
			break
		} else if time.Since(started) > time.Minute {
			t.Fatal(err)
		}
	}
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("what happened after the step-down is not told")
	}
	cancel()
	<-over
}
