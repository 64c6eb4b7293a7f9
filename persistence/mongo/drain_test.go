package mongo_test

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// askDrain asks a node to drain, or to undrain.
func askDrain(store *mongo.Store, node string, wish bool) (persistence.Request, error) {
	r := persistence.Request{ID: rand.Text(), Kind: persistence.UndrainRequest, Node: node, AskedBy: "somebody"}
	if wish {
		r.Kind = persistence.DrainRequest
	}
	return r, store.Ask(context.Background(), []persistence.Request{r}, time.Minute)
}

// drain asks a node to drain, or to undrain, and lets it start.
func drain(t *testing.T, store *mongo.Store, node string, wish bool) (r persistence.Request, started bool) {
	t.Helper()
	r, err := askDrain(store, node, wish)
	if err != nil {
		t.Fatal(err)
	}
	if started, err = store.StartDrain(t.Context(), node, r.ID); err != nil {
		t.Fatal(err)
	}
	return asked(t, store, r.ID), started
}

// A drain runs from the moment at which the node is draining until it ends: by report, or by
// an undrain, which is executed at once. Whoever leaves or is unknown starts neither.
func TestDrain(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	join(t, store, "a")
	lease := take(t, store, "a")
	is := func(r persistence.Request, request, reason, node_ string) {
		t.Helper()
		r = asked(t, store, r.ID)
		if r.State != request || r.Reason != reason || r.Ended() != (r.EndedAt != nil && r.ExpiresAt != nil) {
			t.Errorf("the request is %+v, want %s, %q", r, request, reason)
		}
		if n := node(t, store, "a"); n.State != node_ {
			t.Errorf("the node is %s, want %s", n.State, node_)
		}
	}
	first, started := drain(t, store, "a", true)
	if !started || !slices.Equal(first.Answer.Chains, []string{chain}) || first.StartedAt == nil || first.Starts != 1 || first.Node != "a" || first.Chain != "" {
		t.Errorf("started: %v, %+v", started, first)
	}
	is(first, persistence.RequestRunning, "", persistence.Draining)
	if again, err := store.StartDrain(t.Context(), "a", first.ID); err != nil || again {
		t.Errorf("it starts again: %v, %v", again, err)
	}
	if n, err := store.Heartbeat(t.Context(), "a", heartbeat()); err != nil || n.State != persistence.Draining {
		t.Errorf("a heartbeat makes it %s, %v", n.State, err)
	}
	moving := first
	moving.Progress = &persistence.Progress{Step: "moving chains", Total: 1}
	report(t, store, moving)
	is(first, persistence.RequestRunning, "", persistence.Draining)
	if r := asked(t, store, first.ID); *r.Progress != *moving.Progress {
		t.Errorf("its progress is %+v", r.Progress)
	}
	moving.State = persistence.RequestDone
	report(t, store, moving)
	is(first, persistence.RequestDone, "", persistence.Draining)
	moving.State, moving.Reason = persistence.RequestFailed, "too late"
	report(t, store, moving)
	is(first, persistence.RequestDone, "", persistence.Draining)

	second, _ := drain(t, store, "a", true)
	undone, started := drain(t, store, "a", false)
	if !started {
		t.Error("it does not undrain")
	}
	is(undone, persistence.RequestDone, "", persistence.Up)
	is(second, persistence.RequestFailed, "cancelled by request "+undone.ID, persistence.Up)
	is(first, persistence.RequestDone, "", persistence.Up)

	third, _ := drain(t, store, "a", true)
	third.State, third.Reason = persistence.RequestFailed, "no other node"
	report(t, store, third)
	is(third, persistence.RequestFailed, "no other node", persistence.Draining)

	ask(t, store, time.Minute, "of a chain")
	other, err := askDrain(store, "b", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"of a chain", other.ID, "none"} {
		if started, err := store.StartDrain(t.Context(), "a", id); err != nil || started {
			t.Errorf("it starts %s: %v, %v", id, started, err)
		}
	}
	if _, started, err := store.StartRequest(t.Context(), lease, other.ID); err != nil || started {
		t.Errorf("the owner of a chain starts it: %v, %v", started, err)
	}
	if _, err := store.Heartbeat(t.Context(), "a", persistence.Heartbeat{Leaving: true}); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"a", "unknown"} {
		for _, wish := range []bool{true, false} {
			if r, started := drain(t, store, node, wish); started || r.State != persistence.RequestPending {
				t.Errorf("%s starts: %+v", node, r)
			}
		}
	}
}

// Drains and undrains that are started at once leave a node as the last one has it: it is up
// and no drain runs, or it is draining.
func TestDrainsAtOnce(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	join(t, store, "a")
	for range 20 {
		var starts sync.WaitGroup
		var ids []string
		for i := range 4 {
			r, err := askDrain(store, "a", i%2 == 0)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
			starts.Go(func() {
				if started, err := store.StartDrain(t.Context(), "a", r.ID); err != nil || !started {
					t.Errorf("started: %v, %v", started, err)
				}
			})
		}
		starts.Wait()
		running := 0
		for _, id := range ids {
			if asked(t, store, id).State == persistence.RequestRunning {
				running++
			}
		}
		if state := node(t, store, "a").State; (state == persistence.Draining) != (running > 0) {
			t.Errorf("the node is %s, and %d drains run", state, running)
		}
	}
}

func report(t *testing.T, store *mongo.Store, r persistence.Request) {
	t.Helper()
	if err := store.ReportDrain(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}
