package paging_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/paging"
)

// disturbed calls change after the first query.
type disturbed struct {
	persistence.Querier
	change func()
}

func (d disturbed) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		d.Querier.Query(ctx, q)(yield)
		d.change()
	}
}

func (d disturbed) Snapshot(ctx context.Context, do func(persistence.Querier) error) error {
	return persistence.AsOfOneMoment(ctx, d.Querier, func(docs persistence.Querier) error { return do(disturbed{docs, d.change}) })
}

// A page that takes two queries has the documents of one moment, although a document that
// the first query has read gets the sort value of those that the second query reads.
func TestPagesAreOfOneMoment(t *testing.T) { teststore.Each(t, pagesAreOfOneMoment) }

func pagesAreOfOneMoment(t *testing.T, store persistence.Store) {
	ref := persistence.MarketRef{Chain: "chain", Market: "market"}
	put := func(key string, height int64) {
		order := markets.Order{Chain: ref.Chain, Market: ref.Market, Key: key, Status: markets.Listing, Last: markets.Position{Height: height}}
		if err := store.Commit(t.Context(), ref, nil, func(tx persistence.Tx) error { return tx.PutOrders([]markets.Order{order}) }); err != nil {
			t.Fatal(err)
		}
	}
	put("a", 1)
	for _, key := range []string{"b", "c", "d"} {
		put(key, 2)
	}
	list := paging.List{Of: documents.Of(persistence.Orders), Sort: []persistence.SortKey{{Path: "last.height"}}}
	docs, _, err := list.Page(t.Context(), disturbed{store, func() { put("a", 2) }}, ref.Documents(), nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, doc := range docs {
		var o markets.Order
		if err := json.Unmarshal(doc, &o); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	if !slices.Equal(keys, []string{"a", "b"}) {
		t.Errorf("the page has %q", keys)
	}
}
