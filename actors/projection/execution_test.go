package projection

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var errCutOff = errors.New("cut off")

// cutOff is a store that fails every commit but the first n.
type cutOff struct {
	persistence.Store
	n int
}

func (s *cutOff) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if s.n--; s.n < 0 {
		return errCutOff
	}
	return s.Store.Commit(ctx, market, moves, do)
}

// A transition that is cut off between two portions is finished by the next incarnation
// from the document and the log: a batch is resumed, a rollback repeated.
func TestAnInterruptedTransitionIsFinished(t *testing.T) {
	store := openStore(t)
	log, list := claim(t, store, "activity", "list"), claim(t, store, "order-list", "list")
	orders := claim(t, store, "orders", "")
	batch := listing(list, "a")
	for _, order := range []string{"b", "c", "d", "e"} {
		e := batch.Batch.Events[0]
		e.Order, e.Position.Log = order, int32(len(batch.Batch.Events))
		batch.Batch.Events = append(batch.Batch.Events, e)
	}
	if err := (Log{Portion: 10}).Commit(t.Context(), store, Execute(batch.Transition, log.Ref(), nil, persistence.Report{})); err != nil {
		t.Fatal(err)
	}
	rollback := batch.Transition
	rollback.Kind, rollback.From, rollback.To, rollback.Batch = markets.RollbackTransition, batch.To, batch.From, nil
	for _, test := range []struct {
		markets.Transition
		resumed markets.TransitionKind
		orders  int
	}{
		{batch.Transition, markets.ResumeTransition, 5},
		{rollback, markets.RollbackTransition, 0},
	} {
		commit := func(store persistence.Store, list persistence.Actor, tr markets.Transition) error {
			orders = claim(t, store, "orders", "")
			w := NewWriter(store, market, NewCache(), orders.Ref(), orders.Seq)
			return w.Commit(t.Context(), Execute(tr, list.Ref(), list.Trail, list.Report), 2)
		}
		if err := commit(&cutOff{store, 2}, list, test.Transition); !errors.Is(err, errCutOff) {
			t.Fatal(err)
		}
		list = claim(t, store, "order-list", "list")
		interrupted, ok := Interrupted(list)
		if !ok || interrupted.Kind != test.resumed || interrupted.From != test.From || interrupted.To != test.To {
			t.Fatalf("%d was interrupted as %+v", test.Kind, interrupted)
		}
		if err := commit(store, list, interrupted); err != nil {
			t.Fatal(err)
		}
		list = claim(t, store, "order-list", "list")
		if _, ok := Interrupted(list); ok || list.Place != test.To || list.Events != int64(test.orders) || !slices.Contains(list.Trail, test.To) {
			t.Errorf("after %d the observer is %+v", test.Kind, list)
		}
		if n := count(t, store, persistence.Orders); n != test.orders {
			t.Errorf("%d orders after %d", n, test.Kind)
		}
	}
}
