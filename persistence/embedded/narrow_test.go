package embedded

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Queries for an order, its log and bulk cancels find the same as without an index, and
// read no other documents: those of another market are not JSON.
func TestQueriesForAnOrderReadNothingElse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, market := range []string{"seaport", "other"} {
		err := s.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: market}, nil, func(tx persistence.Tx) error {
			var log []markets.Activity
			var orders []markets.Order
			for i, key := range []string{"a", "a/b", "b"} {
				e := markets.Event{Kind: markets.Listed, Stream: "list", Position: markets.Position{Log: int32(i)}, Transaction: "0x", Order: key, Maker: "m"}
				o, _ := markets.FoldOrder("ethereum", market, key, []markets.Event{e})
				orders = append(orders, o)
				bulk := markets.Event{Kind: markets.OrdersCancelled, Stream: "bulk", Position: markets.Position{Height: 1, Log: int32(i)}, Transaction: "0x", Maker: key}
				for _, e := range []markets.Event{e, bulk} {
					log = append(log, markets.Activity{Chain: "ethereum", Market: market, Event: e})
				}
			}
			if err := tx.Append(log, nil); err != nil {
				return err
			}
			return tx.PutOrders(orders)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ collection, filter, want string }{
		{persistence.Orders, `{_id: "ethereum/seaport/a"}`, "a"},
		{persistence.Orders, `{_id: "ethereum/seaport/a/b"}`, "a/b"},
		{persistence.Orders, `{_id: "ethereum/seaport/a", status: "SOLD"}`, ""},
		{persistence.Orders, `{_id: "ethereum/seaport/a", market: "other"}`, ""},
		{persistence.Orders, `{key: "b", status: "LISTING", chain: "ethereum", market: "seaport"}`, "b"},
		{persistence.Orders, `{key: {$gt: "a"}, _id: "ethereum/seaport/b"}`, "b"},
		{persistence.Orders, `{key: "c", chain: "ethereum", market: "seaport"}`, ""},
		{persistence.Orders, `{key: "seaport", chain: "ethereum", market: "ethereum"}`, ""},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", order: "a"}`, "a"},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", order: "a", kind: "orders_cancelled"}`, ""},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", order: "maker:a"}`, ""},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", kind: "orders_cancelled"}`, "a a/b b"},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", kind: "orders_cancelled", maker: "b"}`, "b"},
	}
	run := func() {
		t.Helper()
		for _, test := range tests {
			if got, err := keysFound(t, s, test.collection, test.filter); err != nil || got != test.want {
				t.Errorf("%s %s: %q, %v, want %q", test.collection, test.filter, got, err, test.want)
			}
		}
	}
	run()
	for _, test := range tests {
		if !narrowed(t, test.collection, test.filter) {
			t.Errorf("%s %s reads all documents", test.collection, test.filter)
		}
	}
	if got, err := keysFound(t, s, persistence.Orders, `{key: {$gt: "a"}, chain: "ethereum", market: "seaport"}`); err != nil || got != "a/b b" {
		t.Errorf("greater keys: %q, %v", got, err)
	}
	for _, filter := range []string{`{key: "a", chain: "ethereum"}`, `{key: "a", market: {$ne: "x"}, chain: "ethereum"}`, `{$or: [{key: "a", chain: "ethereum", market: "seaport"}, {key: "a", market: "other"}]}`} {
		if got, err := keysFound(t, s, persistence.Orders, filter); err != nil || got != "a a" {
			t.Errorf("%s: %q, %v", filter, got, err)
		}
	}
	other := fmt.Sprintf(" WHERE doc ->> '$.market' = %s;", "'other'")
	execute(t, dir, "UPDATE orders SET doc = 'x'"+other+"UPDATE activities SET doc = 'x'"+other)
	run()
	if _, err := keysFound(t, s, persistence.Orders, `{key: "a"}`); err == nil {
		t.Error("no other document is damaged")
	}
}

// narrowed reports whether a query with a filter is restricted to the rows of a name.
func narrowed(t *testing.T, collection, text string) bool {
	t.Helper()
	filter, err := documents.ParseFilter(collection, text)
	if err != nil {
		t.Fatal(err)
	}
	selection, err := newSelection(persistence.Query{Collection: collection, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(selection.sql.args, func(arg any) bool { _, ok := arg.(nameRef); return ok })
}

// keysFound returns the keys of the orders, or the orders and makers of the activities,
// that a filter finds.
func keysFound(t *testing.T, s *Store, collection, text string) (string, error) {
	t.Helper()
	filter, err := documents.ParseFilter(collection, text)
	if err != nil {
		t.Fatal(err)
	}
	type doc struct{ Key, Order, Maker string }
	docs, err := persistence.Collect[doc](t.Context(), s, persistence.Query{Collection: collection, Filter: filter})
	var keys []string
	for _, d := range docs {
		switch {
		case d.Key != "":
			keys = append(keys, d.Key)
		case d.Order != "":
			keys = append(keys, d.Order)
		default:
			keys = append(keys, d.Maker)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, " "), err
}
