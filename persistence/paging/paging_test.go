package paging_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/paging"
)

// The pages of a list together equal the list, for sort fields of every type, whether orders
// have them or not.
func TestPagesEqualTheList(t *testing.T) {
	teststore.Each(t, pagesEqualTheList)
}

func pagesEqualTheList(t *testing.T, store persistence.Store) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ref := persistence.MarketRef{Chain: fmt.Sprint("c", n), Market: "m"}
		orders := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) markets.Order { return drawOrder(rt, ref) }), 0, 12).Draw(rt, "orders")
		for i := range orders {
			orders[i].Key = fmt.Sprint("k", i)
		}
		err := store.Commit(t.Context(), ref, nil, func(tx persistence.Tx) error { return tx.PutOrders(orders) })
		if err != nil {
			rt.Fatal(err)
		}
		sort := rapid.SampledFrom(sorts).Draw(rt, "sort")
		list := listOf(rt, sort)
		all := ids(rt, store, persistence.Query{
			Collection: persistence.Orders, Filter: persistence.Filter{Condition: ref.Documents()}, Sort: append(slices.Clone(list.Sort), persistence.SortKey{Path: "_id"}),
		})
		var paged []string
		page, cursor := rapid.IntRange(1, 5).Draw(rt, "page"), ""
		for {
			after, err := list.Place(cursor)
			if err != nil {
				rt.Fatal(err)
			}
			docs, next, err := list.Page(t.Context(), store, ref.Documents(), after, page)
			if err != nil || len(docs) > page {
				rt.Fatal(len(docs), err)
			}
			for _, doc := range docs {
				paged = append(paged, keyOf(rt, doc))
			}
			if cursor, err = list.Cursor(next); err != nil {
				rt.Fatal(err)
			}
			if cursor == "" || len(paged) > len(orders) {
				break
			}
		}
		if fmt.Sprint(paged) != fmt.Sprint(all) || len(all) != len(orders) {
			rt.Fatalf("by %s, pages of %d: %v, want %v", sort, page, paged, all)
		}
	})
}

// Large documents end a page before its limit: what a client asks for does not determine
// how much memory its page takes.
func TestPagesAreBoundedInBytes(t *testing.T) { teststore.Each(t, pagesAreBounded) }

func pagesAreBounded(t *testing.T, store persistence.Store) {
	ref := persistence.MarketRef{Chain: "c", Market: "m"}
	const large, count = 300_000, 20
	var orders []markets.Order
	for i := range count {
		orders = append(orders, markets.Order{
			Chain: ref.Chain, Market: ref.Market, Key: fmt.Sprintf("k%02d", i), Status: markets.Listing, Anomalies: int64(i % 3), Token: markets.Token{Name: strings.Repeat("x", large)},
		})
	}
	if err := store.Commit(t.Context(), ref, nil, func(tx persistence.Tx) error { return tx.PutOrders(orders) }); err != nil {
		t.Fatal(err)
	}
	for _, sort := range []string{"_id", "-anomalies"} {
		list := listOf(t, sort)
		seen, after := map[string]bool{}, (*paging.Place)(nil)
		for pages := 0; ; pages++ {
			docs, next, err := list.Page(t.Context(), store, ref.Documents(), after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(docs) == 0 || len(docs)*large > 3<<20 {
				t.Fatalf("by %s, page %d has %d documents", sort, pages, len(docs))
			}
			for _, doc := range docs {
				seen[string(doc[:60])] = true
			}
			if after = next; next == nil {
				break
			}
		}
		if len(seen) != count {
			t.Errorf("by %s, %d documents, want %d", sort, len(seen), count)
		}
	}
}

// sorts have fields of every type, required and optional.
var sorts = []string{"-last.height", "-listedAt", "expiresAt", "unitPrice", "-unitPrice", "-anomalies", "status,-unitPrice"}

// listOf returns the list of orders with the sort keys of a text.
func listOf(t interface{ Fatal(...any) }, sort string) paging.List {
	l := paging.List{Of: documents.Of(persistence.Orders), Binding: "this one"}
	keys, err := documents.ParseSort(persistence.Orders, sort)
	if err != nil {
		t.Fatal(err)
	}
	if l.Sort, err = paging.CheckSort(l.Of, keys); err != nil {
		t.Fatal(err)
	}
	return l
}

var epoch = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func drawOrder(rt *rapid.T, ref persistence.MarketRef) markets.Order {
	o := markets.Order{
		Chain: ref.Chain, Market: ref.Market, Status: markets.Listing,
		Last:      markets.Position{Height: rapid.Int64Range(1, 3).Draw(rt, "height")},
		Anomalies: rapid.Int64Range(0, 1).Draw(rt, "anomalies"),
		UnitPrice: markets.Amount(rapid.SampledFrom([]string{"", "5", "10", "123456789012345678901234567890"}).Draw(rt, "price")),
	}
	if day := rapid.IntRange(0, 2).Draw(rt, "day"); day > 0 {
		o.ListedAt = new(epoch.Add(time.Duration(day) * 24 * time.Hour))
		o.ExpiresAt = new(epoch.Add(time.Duration(day)*24*time.Hour + 500*time.Millisecond))
	}
	return o
}

// ids returns the order keys of a query's documents.
func ids(rt *rapid.T, docs persistence.Querier, q persistence.Query) (out []string) {
	for doc, err := range docs.Query(rt.Context(), q) {
		if err != nil {
			rt.Fatal(err)
		}
		out = append(out, keyOf(rt, doc))
	}
	return out
}

func keyOf(rt *rapid.T, doc json.RawMessage) string {
	var o markets.Order
	if err := json.Unmarshal(doc, &o); err != nil {
		rt.Fatal(err)
	}
	return o.Key
}

// A cursor that was not made for the list is an error.
func TestForeignCursors(t *testing.T) {
	list := listOf(t, "listedAt")
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	if _, err := list.Place(encoded(`{"q": "this one", "v": ["2026-01-31T12:00:00Z"], "i": "a"}`)); err != nil {
		t.Errorf("a cursor of the list: %v", err)
	}
	for _, text := range []string{
		"x", "%", "e30x", "bnVsbA==", encoded(`{}`), encoded(`{"q": "this one", "v": [], "i": "a"}`), encoded(`{"q": "this one", "v": [{}], "i": "a"}`),
		encoded(`{"q": "this one", "v": ["x"], "i": "a"}`), encoded(`{"q": "another", "v": [null], "i": "a"}`), strings.Repeat("x", 40_000),
	} {
		if _, err := list.Place(text); !errors.Is(err, paging.ErrCursor) {
			t.Errorf("%.100q is accepted: %v", text, err)
		}
	}
}
