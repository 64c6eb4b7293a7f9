package feed_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// When the database is killed and restarted, readers still get every event exactly once.
func TestEventsSurviveDatabaseRestarts(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	store, err := mongo.Open(t.Context(), server.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := serve(t, store, feed.Options{})
	const orders = 40
	ids := make(chan string, orders)
	at := s.newest()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	over := make(chan struct{})
	t.Cleanup(func() { cancel(); <-over })
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			at = readIDs(ctx, s.url, at, ids)
		}
	}()
	next := 0
	expect := func(through int) {
		t.Helper()
		for ; next < through; next++ {
			select {
			case id := <-ids:
				if want := fmt.Sprint("ethereum/seaport/", next); id != want {
					t.Fatalf("%s, want %s", id, want)
				}
			case <-time.After(2 * timeout):
				t.Fatalf("order %d does not arrive", next)
			}
		}
	}
	for i := range orders {
		if i%15 == 10 {
			expect(i - 3)
			server.Kill()
			server.Restart()
		}
		putWhenReady(t, store, order(fmt.Sprint(i), "m"))
	}
	expect(orders)
	if len(ids) > 0 {
		t.Errorf("an unexpected event: %s", <-ids)
	}
}

// readIDs reads the changes after a position until the response ends, and returns the last
// position.
func readIDs(ctx context.Context, url, at string, ids chan<- string) string {
	r, err := feedtest.Open(ctx, url, at)
	if err != nil {
		return at
	}
	defer r.Body.Close()
	for {
		e, err := r.Next()
		if err != nil {
			return at
		}
		if e.ID != "" {
			at = e.ID
		}
		if e.OfChange() {
			ids <- e.Change().ID
		}
	}
}

// putWhenReady commits an order as soon as the database accepts it.
func putWhenReady(t *testing.T, store persistence.Store, o markets.Order) {
	t.Helper()
	for started := time.Now(); ; {
		err := store.Commit(t.Context(), seaport, nil, func(tx persistence.Tx) error { return tx.PutOrders([]markets.Order{o}) })
		if err == nil {
			return
		}
		if time.Since(started) > timeout {
			t.Fatal(err)
		}
	}
}
