package projection

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

var market = persistence.MarketRef{Chain: "chain", Market: "market"}

func openStore(t *testing.T) persistence.Store {
	store, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func claim(t *testing.T, store persistence.Store, id, stream string) persistence.Actor {
	t.Helper()
	a, err := store.Claim(t.Context(), persistence.Claim{ID: id, Chain: "chain", Market: "market", Stream: stream, Documents: stream != "", Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// listing is the execution of a batch with the listing of one order.
func listing(observer persistence.Actor, order string) Execution {
	e := markets.Event{
		Kind: markets.Listed, Stream: observer.Stream, Seq: observer.Seq + 1, Position: markets.Position{Height: observer.Seq + 1},
		Order: order, Maker: "maker", Quantity: "1", Price: "1",
	}
	return Execute(markets.Transition{
		Kind: markets.BatchTransition, Chain: "chain", Market: "market", Stream: observer.Stream,
		From: observer.Place, To: markets.Place{Seq: observer.Seq + 1}, Batch: &markets.Batch{Events: []markets.Event{e}},
	}, observer.Ref(), observer.Trail, persistence.Report{})
}

func count(t *testing.T, store persistence.Store, collection string) (n int) {
	t.Helper()
	for _, err := range store.Query(context.Background(), persistence.Query{Collection: collection}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// P6: a second writer commits nothing, though the observer for which it does so is as its
// document says: its cache may be older than the documents.
func TestASecondWriterIsFenced(t *testing.T) {
	store := openStore(t)
	list, offer := claim(t, store, "list", "list"), claim(t, store, "offer", "offer")
	orders := claim(t, store, "orders", "")
	first := NewWriter(store, market, NewCache(), orders.Ref(), orders.Seq)
	second := NewWriter(store, market, NewCache(), orders.Ref(), orders.Seq)
	if err := first.Commit(t.Context(), listing(list, "a"), 10); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(t.Context(), listing(offer, "b"), 10); !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("the second writer's commit: %v", err)
	}
	if n := count(t, store, persistence.Orders); n != 1 {
		t.Errorf("%d orders", n)
	}
	if err := first.Commit(t.Context(), listing(offer, "b"), 10); err != nil || first.Commits() != orders.Seq+2 {
		t.Errorf("the first writer goes on: %v, %d commits", err, first.Commits())
	}
}

// A batch of the log is one commit: nothing of it can be interrupted.
func TestTheLogResumesNothing(t *testing.T) {
	store := openStore(t)
	e := listing(claim(t, store, "activity", "list"), "a")
	e.Kind, e.Batch = markets.ResumeTransition, nil
	if err := (Log{Portion: 10}).Commit(t.Context(), store, e); !errors.Is(err, errResumedLog) {
		t.Errorf("resumed: %v", err)
	}
	e.Kind = 0
	if err := (Log{Portion: 10}).Commit(t.Context(), store, e); err == nil {
		t.Error("a transition without a kind is made")
	}
}
