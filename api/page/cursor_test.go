package page

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// Page by page a list has every order once, in the order of the whole list, for every field
// by which it can be sorted, whether orders have it or not.
func TestPagesAreTheList(t *testing.T) {
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
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
		form := orderForm{Sort: rapid.SampledFrom(sortings).Draw(rt, "sort").Value}
		key, err := form.sortKey()
		if err != nil {
			rt.Fatal(err)
		}
		all := ids(rt, store, persistence.Query{
			Collection: persistence.Orders, Filter: persistence.Filter{Condition: ref.Documents()},
			Sort: []persistence.SortKey{key, {Path: "_id", Descending: key.Descending}},
		}, nil)
		var paged []string
		page, cursor := rapid.IntRange(1, 5).Draw(rt, "page"), ""
		for {
			after, err := parseCursor(persistence.Orders, key.Path, cursor)
			if err != nil {
				rt.Fatal(err)
			}
			var last json.RawMessage
			found := ids(rt, store, sorted(persistence.Orders, ref.Documents(), key, after, page), func(i int, doc json.RawMessage) {
				if i < page {
					last = doc
				}
			})
			paged = append(paged, found[:min(page, len(found))]...)
			if len(found) <= page {
				break
			}
			if cursor, err = cursorAt(key.Path, last); err != nil {
				rt.Fatal(err)
			}
			if len(paged) > len(orders) {
				break
			}
		}
		if fmt.Sprint(paged) != fmt.Sprint(all) || len(all) != len(orders) {
			rt.Fatalf("by %s, pages of %d: %v, want %v", form.Sort, page, paged, all)
		}
	})
}

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

// ids are the keys of the documents of a query, of each of which it tells.
func ids(rt *rapid.T, docs persistence.Querier, q persistence.Query, tell func(int, json.RawMessage)) (out []string) {
	for doc, err := range docs.Query(rt.Context(), q) {
		if err != nil {
			rt.Fatal(err)
		}
		var o markets.Order
		if err := json.Unmarshal(doc, &o); err != nil {
			rt.Fatal(err)
		}
		if tell != nil {
			tell(len(out), doc)
		}
		out = append(out, o.Key)
	}
	return out
}

// A cursor that is not one is an error, never a page.
func TestCursorsOfOthers(t *testing.T) {
	for _, text := range []string{"x", "%", "e30x", "bnVsbA==", "eyJ2Ijp7fSwiaWQiOiJhIn0", "eyJ2IjoieCIsImlkIjoiYSJ9"} {
		if _, err := parseCursor(persistence.Orders, "listedAt", text); err == nil {
			t.Errorf("%q is a cursor", text)
		}
	}
}

// Whatever activities there are, pages that end between moments have each of them once.
func TestPagesOfMoments(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []markets.Activity
		at := epoch
		for i := range rapid.IntRange(2, 40).Draw(rt, "activities") {
			if rapid.Bool().Draw(rt, "later") {
				at = at.Add(-time.Second)
			}
			all = append(all, markets.Activity{Chain: fmt.Sprint(i), Event: markets.Event{Time: at}})
		}
		page := rapid.IntRange(1, 10).Draw(rt, "page")
		if len(all) <= page {
			return
		}
		shown, before := cutBetweenMoments(all, page)
		moment := 0
		for moment < len(all) && all[moment].Time.Equal(all[0].Time) {
			moment++
		}
		switch {
		case shown == nil && moment <= min(page, len(all)-1):
			rt.Fatalf("nothing is shown, although the first moment has %d", moment)
		case shown != nil && (len(shown) > page || all[len(shown)].Time.Equal(shown[len(shown)-1].Time)):
			rt.Fatalf("%d are shown, and the page ends within a moment", len(shown))
		case shown != nil && before != shown[len(shown)-1].Time.Format(time.RFC3339Nano):
			rt.Fatalf("the next page is before %s", before)
		}
	})
}
