package explain_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"testing"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// interleaved calls before with the number of each query, from 1, before it runs.
type interleaved struct {
	persistence.Querier
	queries int
	before  func(query int)
}

func (i *interleaved) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	i.queries++
	i.before(i.queries)
	return i.Querier.Query(ctx, q)
}

// traded is a listing, a partial fill, a bulk cancel, and a fill after it.
func traded(key string) []markets.Event {
	at := func(height int64, kind markets.Kind, stream string) markets.Event {
		e := listing(key)
		e.Kind, e.Stream, e.Seq, e.Position.Height, e.Quantity, e.Partial = kind, stream, height, height, "2", true
		return e
	}
	all := []markets.Event{at(1, markets.Listed, "list"), at(2, markets.Bought, "buy"), at(3, markets.OrdersCancelled, "bulk"), at(4, markets.Bought, "buy")}
	all[0].Quantity, all[2].Order = "5", ""
	return all
}

// An explanation is of a consistent state, whenever a worker writes while the order is
// read.
func TestReadingWhileAWorkerWrites(t *testing.T) {
	const queries = 2 + 2*7 // of finding it, and of two readings
	back := func(w *world) { w.fold("list", 0, -1) }
	for change, does := range map[string][]func(w *world){
		"a fill":          {func(w *world) { w.fold("buy", 2, -1) }},
		"a cancellation":  {func(w *world) { w.fold("bulk", 3, -1) }},
		"a rollback":      {func(w *world) { back(w); w.forget("list") }},
		"back and forth":  {back, func(w *world) { w.fold("list", 1, -1) }},
		"a reading":       {func(w *world) { w.read("buy", 4) }},
		"several of them": {func(w *world) { w.read("buy", 4); w.fold("bulk", 3, -1); w.fold("buy", 4, -1) }},
	} {
		t.Run(change, func(t *testing.T) {
			onTheEmbeddedStore(t, func(t *testing.T, store persistence.Store) {
				for before := 1; before <= queries; before++ {
					w := newWorld(t, store, traded("0xa"))
					for _, stream := range streams {
						w.read(stream, 3)
					}
					w.fold("list", 1, -1)
					w.explainWhile(before, does)
				}
			})
		})
	}
}

// explainWhile explains the order and calls does[i] before query number before+i.
func (w *world) explainWhile(before int, does []func(w *world)) {
	w.Helper()
	docs := &interleaved{w.store, 0, func(query int) {
		if i := query - before; i >= 0 && i < len(does) {
			does[i](w)
		}
	}}
	e, err := explain.Order(context.Background(), docs, w.ref.Chain+"/"+w.ref.Market+"/0xa", nil, now)
	if err != nil || len(e.Differences) > 0 {
		w.Fatalf("before query %d: %v, %s", before, err, asJSON(w, e.Differences))
	}
	w.checkChanges(e)
}

// An order that changes between any two readings is not explained.
func TestAnOrderThatAlwaysChanges(t *testing.T) {
	onTheEmbeddedStore(t, func(t *testing.T, store persistence.Store) {
		w := newWorld(t, store, traded("0xa"))
		for _, stream := range streams {
			w.read(stream, 4)
		}
		w.fold("list", 1, -1)
		docs := &interleaved{w.store, 0, nil}
		docs.before = func(query int) { w.fold("buy", []int64{0, 2}[query%2], -1) }
		_, err := explain.Order(t.Context(), docs, w.ref.Chain+"/"+w.ref.Market+"/0xa", nil, now)
		if !errors.Is(err, explain.ErrChanging) || docs.queries > 200 {
			t.Errorf("after %d queries: %v", docs.queries, err)
		}
	})
}

// An order with more events than an explanation can have is refused.
func TestALogThatIsTooLong(t *testing.T) {
	onTheEmbeddedStore(t, func(t *testing.T, store persistence.Store) {
		w := newWorld(t, store, nil)
		var log []markets.Activity
		for i := range 10_001 {
			e := listing("0xa")
			e.Position.Log = int32(i)
			log = append(log, markets.Activity{Chain: w.ref.Chain, Market: w.ref.Market, Event: e})
		}
		w.must(store.Commit(t.Context(), w.ref, nil, func(tx persistence.Tx) error { return tx.Append(log, nil) }))
		if _, err := explain.Order(t.Context(), store, "0xa", nil, now); !errors.Is(err, explain.ErrTooLong) {
			t.Error(err)
		}
	})
}
