package embedded_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
	"github.com/imart/event-worker/persistence/matching"
)

// Whatever a filter is: it is refused, or finds the documents that match it in memory.
func FuzzFilter(f *testing.F) {
	for _, filter := range []string{
		`{status: "LISTING"}`, `{price: {$gt: "9", $lt: 1.5e30}}`, `{anomalies: {$gt: 9007199254740992}}`, `{listedAt: {$lt: "2024-01-02T00:00:00Z"}}`, `{maker: null}`,
		`{"bundle.quantity": {$nin: ["29"]}, $nor: [{maker: {$exists: true}}]}`, `{$or: [{"token.collection": '0xC'}, {"bundle.0.quantity": {$not: {$gte: 0}}}]}`, `{key: "'); DROP TABLE orders; --"}`,
	} {
		f.Add(filter)
	}
	store := open(f)
	market := persistence.MarketRef{Chain: "e", Market: "s"}
	docs := map[string]json.RawMessage{}
	err := store.Commit(f.Context(), market, nil, func(tx persistence.Tx) error { return tx.PutOrders(someOrders(market)) })
	if err != nil {
		f.Fatal(err)
	}
	for doc, err := range store.Query(f.Context(), persistence.Query{Collection: persistence.Orders}) {
		if err != nil {
			f.Fatal(err)
		}
		docs[idOf(f, doc)] = doc
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := documents.ParseFilter(persistence.Orders, text)
		if err != nil || finality.Named(filter.Condition) { // told by another collection
			return
		}
		want, got := map[string]bool{}, map[string]bool{}
		for id, doc := range docs {
			matches, err := matching.Document(filter, doc)
			if err != nil {
				t.Fatal(err)
			}
			if matches {
				want[id] = true
			}
		}
		for doc, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Orders, Filter: filter}) {
			if err != nil {
				t.Fatal(err)
			}
			got[idOf(t, doc)] = true
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s finds %v, want %v", text, got, want)
		}
	})
}

// Whatever a position is: it is refused, or the feed has yielded it.
func FuzzPosition(f *testing.F) {
	store := open(f)
	first, err := store.Newest(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	market := persistence.MarketRef{Chain: "e", Market: "s"}
	if err := store.Commit(f.Context(), market, nil, func(tx persistence.Tx) error { return tx.PutOrders(someOrders(market)) }); err != nil {
		f.Fatal(err)
	}
	newest, err := store.Newest(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{first: true}
	for c, err := range store.Changes(f.Context(), first, []string{persistence.Orders}) {
		if err != nil {
			f.Fatal(err)
		}
		known[c.Position] = true
		f.Add(c.Position)
		if c.Position == newest {
			break
		}
	}
	era, _, _ := strings.Cut(first, "-")
	for _, text := range []string{"", first, era + "-99", era + "-00", era + "-999999999999999999", era + "-9223372036854775808", "0123456789abcdef-1", newest + "\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for c, err := range store.Changes(t.Context(), text, []string{persistence.Orders}) {
			switch {
			case errors.Is(err, persistence.ErrPositionInvalid) || errors.Is(err, persistence.ErrPositionGone):
				if known[text] {
					t.Fatalf("%q: %v", text, err)
				}
			case err != nil:
				t.Fatal(err)
			case !known[text] || !store.Reached(c.Position, text) || c.Position != newest && store.Reached(text, newest):
				t.Fatalf("after %q there is %q", text, c.Position)
			}
			break
		}
	})
}

// someOrders have values of each type, missing ones, and lists.
func someOrders(of persistence.MarketRef) []markets.Order {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	later := at.Add(36 * time.Hour)
	orders := []markets.Order{
		{Key: "1", Status: markets.Listing, Price: "10", ListedAt: &at, Token: markets.Token{Collection: "0xC", ID: "7"}},
		{Key: "2", Status: markets.Sold, Price: "1000000000000000000000000000000", Anomalies: 9007199254740993, SoldAt: &later, Maker: "0xM"},
		{Key: "3", Bundle: []markets.Item{{Quantity: "2", Token: markets.Token{Collection: "0xC"}}, {Quantity: "30"}}, Anomalies: -1},
		{Key: "'); DROP TABLE orders; --", Maker: "\x00\u202e'\"", ExpiresAt: &later},
	}
	for i := range orders {
		orders[i].Chain, orders[i].Market = of.Chain, of.Market
	}
	return orders
}

func idOf(t testing.TB, doc json.RawMessage) string {
	t.Helper()
	var keyed struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(doc, &keyed); err != nil {
		t.Fatal(err)
	}
	return keyed.ID
}
