package mongo_test

import (
	"context"
	"crypto/rand"
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
