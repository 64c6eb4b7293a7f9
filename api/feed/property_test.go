package feed_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// A reader that copies the documents matching any filter at a position, and follows the feed
// from there, with disconnections anywhere, ends with exactly the matching documents.
func TestCopiesOfFilteredReaders(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{})
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		last := ""
		n++ // all runs share the store: each has a separate market
		market := persistence.MarketRef{Chain: "ethereum", Market: fmt.Sprint("m", n)}
		commits := func() {
			for range rapid.IntRange(0, 4).Draw(r, "commits") {
				if err := s.store.Commit(r.Context(), market, nil, randomWrites(r, market)); err != nil {
					r.Fatal(err)
				}
			}
		}
		commits()
		text := rapid.SampledFrom([]string{`{}`, `{maker: "x"}`, `{price: {$gt: "9"}}`, `{$or: [{maker: "y"}, {price: {$exists: false}}]}`, `{status: {$ne: "LISTING"}}`}).Draw(r, "filter")
		collections := []string{persistence.Orders}
		filter, err := documents.ParseFilter(persistence.Orders, fmt.Sprintf(`{$and: [{market: %q}, %s]}`, market.Market, text))
		if err != nil {
			r.Fatal(err)
		}
		at := s.newest()
		have := take(r, s.store, collections, filter)
		have[persistence.Records] = map[string]string{} // a record marks the end of each round
		url := s.at("collection", "records", "collection", "orders", "market", market.Market, "filter.orders", text)
		for i := range rapid.IntRange(1, 4).Draw(r, "connections") {
			commits()
			mark := markets.Record{Chain: market.Chain, Market: market.Market, Type: "mark", Key: fmt.Sprint(i)}
			if err := s.store.Commit(r.Context(), market, nil, func(tx persistence.Tx) error { return tx.PutRecords([]markets.Record{mark}) }); err != nil {
				r.Fatal(err)
			}
			at = read(r, url, at, rapid.IntRange(0, 6).Draw(r, "changes"), mark.ID(), have)
			last = mark.ID()
		}
		if _, done := have[persistence.Records][last]; !done {
			read(r, url, at, 1<<20, last, have)
		}
		delete(have, persistence.Records)
		if want := take(r, s.store, collections, filter); !reflect.DeepEqual(have, want) {
			r.Fatalf("has %v\nwant %v", have, want)
		}
	})
}

// randomWrites draws writes of orders.
func randomWrites(r *rapid.T, market persistence.MarketRef) func(tx persistence.Tx) error {
	key := rapid.SampledFrom([]string{"a", "b", "c"})
	var orders []markets.Order
	for range rapid.IntRange(0, 3).Draw(r, "orders") {
		orders = append(orders, markets.Order{
			Chain: market.Chain, Market: market.Market, Key: key.Draw(r, "key"), Maker: rapid.SampledFrom([]string{"x", "y"}).Draw(r, "maker"),
			Side: markets.Ask, Status: rapid.SampledFrom(markets.Statuses()).Draw(r, "status"), Price: rapid.SampledFrom([]markets.Amount{"", "9", "10"}).Draw(r, "price"),
		})
	}
	gone := rapid.SliceOfN(key, 0, 1).Draw(r, "gone")
	return func(tx persistence.Tx) error { return errors.Join(tx.PutOrders(orders), tx.DeleteOrders(gone)) }
}

func take(r *rapid.T, data persistence.Querier, collections []string, filter persistence.Filter) feedtest.Copy {
	c, err := feedtest.Take(r.Context(), data, collections, filter)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

// read applies at most the given number of changes after a position to a copy, up to that of
// the document end, and returns the position of the last one.
func read(r *rapid.T, url, at string, changes int, end string, have feedtest.Copy) string {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	reader, err := feedtest.Open(ctx, url, at)
	if err != nil {
		r.Fatal(err)
	}
	defer reader.Body.Close()
	for changes > 0 {
		e, err := reader.Next()
		if err != nil {
			r.Fatal(err)
		}
		if !e.OfChange() {
			continue
		}
		changes--
		at = e.ID
		have.Apply(e)
		if e.Change().ID == end {
			break
		}
	}
	return at
}
