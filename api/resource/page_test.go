package resource

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// sortKeys are sortable fields of all types: with and without a stored sort form, required and
// optional, top-level and nested.
var sortKeys = []string{
	"_id", "status", "maker", "price", "paid", "quantity", "anomalies", "listedAt", "last.height", "last.tx", "token.collection",
	"currency.decimals", "fillable.answer",
}

func drawSort(t *rapid.T) string {
	var keys []string
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(sortKeys), 0, 3, rapid.ID[string]).Draw(t, "sort") {
		if rapid.Bool().Draw(t, "down") {
			key = "-" + key
		}
		keys = append(keys, key)
	}
	return strings.Join(keys, ",")
}

// drawOrder draws an order that often shares values with others.
func drawOrder(t *rapid.T, key string) markets.Order {
	amount := func(name string) markets.Amount {
		return rapid.SampledFrom([]markets.Amount{"", "0", "9", "10", "10", "1000000000000000000000000000000"}).Draw(t, name)
	}
	o := markets.Order{
		Key: key, Status: rapid.SampledFrom([]markets.Status{markets.Listing, markets.Sold}).Draw(t, "status"),
		Maker: rapid.SampledFrom([]string{"", "0xM", "0xm", "0xé\"'"}).Draw(t, "maker"),
		Price: amount("price"), Paid: amount("paid"), Quantity: amount("quantity"),
		Anomalies: rapid.Int64Range(0, 2).Draw(t, "anomalies"),
		Token:     markets.Token{Collection: rapid.SampledFrom([]string{"", "0xC"}).Draw(t, "collection")},
		Last:      markets.Position{Height: rapid.Int64Range(0, 3).Draw(t, "height"), Transaction: rapid.Int32Range(0, 1).Draw(t, "tx")},
	}
	if rapid.Bool().Draw(t, "listed") {
		at := time.UnixMilli(1_700_000_000_000 + 500*rapid.Int64Range(0, 3).Draw(t, "time")).UTC()
		o.ListedAt = &at
	}
	return o
}

// Documents whose sort values do not change are on exactly one page, whatever else changes
// between the pages. If nothing changes, the pages together are in the store's order, with
// _id as the tie-breaker.
func TestPages(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		h := handler(Options{Data: querier{store}})
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			n++
			p := &visit{T: t, store: store, market: fmt.Sprint("market-", n), orders: map[string]markets.Order{}, moved: map[string]bool{}}
			sort, changes := drawSort(t), rapid.Bool().Draw(t, "changes")
			for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-e]{1,2}`), 0, 12, rapid.ID[string]).Draw(t, "keys") {
				p.put(drawOrder(t, key))
			}
			begun := p.ids()
			var seen []string
			for cursor := ""; ; {
				limit := rapid.IntRange(1, 5).Draw(t, "limit")
				parameters := []string{"filter", fmt.Sprintf("{market: %q}", p.market), "sort", sort, "limit", fmt.Sprint(limit)}
				if cursor != "" {
					parameters = append(parameters, "cursor", cursor)
				}
				a := page(t, get(h, "/orders", parameters...))
				if len(a.Data) > limit || len(a.Data) < limit && a.Next != nil && !changes {
					t.Fatalf("%d documents of %d, next %v", len(a.Data), limit, a.Next)
				}
				seen = append(seen, idsOf(t, a.Data)...)
				if a.Next == nil {
					break
				}
				if len(seen) > 100 {
					t.Fatalf("too many pages: %v", seen)
				}
				cursor = *a.Next
				if changes {
					p.change(sort)
				}
			}
			count := map[string]int{}
			for _, id := range seen {
				if count[id]++; count[id] > 1 && !p.moved[id] {
					t.Fatalf("%s is listed twice: %v", id, seen)
				}
			}
			for _, id := range begun {
				if count[id] == 0 && !p.moved[id] {
					t.Fatalf("%s is missing: %v", id, seen)
				}
			}
			if want := p.inOrder(sort); !changes && !slices.Equal(seen, want) {
				t.Fatalf("sort %q:\n got %v\nwant %v", sort, seen, want)
			}
		})
	})
}

// visit is a market whose orders are paged through.
type visit struct {
	*rapid.T
	store  persistence.Store
	market string
	orders map[string]markets.Order // by key
	moved  map[string]bool          // by _id: removed, or with other sort values
}

func (p *visit) put(o markets.Order) {
	put(p, p.store, p.market, o)
	o.Chain, o.Market = "ethereum", p.market
	p.orders[o.Key] = o
}

func (p *visit) ids() (ids []string) {
	for _, o := range p.orders {
		ids = append(ids, o.ID())
	}
	return ids
}

// change adds orders, removes some, and changes some, with or without their sort values.
func (p *visit) change(sort string) {
	for range rapid.IntRange(0, 3).Draw(p.T, "changes") {
		key := rapid.StringMatching(`[a-e]{1,2}`).Draw(p.T, "key")
		before, known := p.orders[key]
		switch what := rapid.IntRange(0, 2).Draw(p.T, "change"); {
		case what == 0 && known:
			p.moved[before.ID()] = true
			delete(p.orders, key)
			commit(p, p.store, p.market, func(tx persistence.Tx) error { return tx.DeleteOrders([]string{key}) })
		case what == 1 && known: // a field that is not among sortKeys
			before.Taker = rapid.StringMatching(`0x[a-f]{2}`).Draw(p.T, "taker")
			p.put(before)
		case what == 2:
			after := drawOrder(p.T, key)
			p.put(after)
			after = p.orders[key]
			if known && fmt.Sprint(valuesOf(p, before, sort)) != fmt.Sprint(valuesOf(p, after, sort)) {
				p.moved[after.ID()] = true
			}
		}
	}
}

// valuesOf returns the sort values of an order, as decoded from JSON.
func valuesOf(t fataler, o markets.Order, sort string) (values []any) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatalf("%v", err)
	}
	root["_id"] = o.ID()
	for key := range strings.SplitSeq(strings.ReplaceAll(sort, "-", ""), ",") {
		var value any = root
		for name := range strings.SplitSeq(key, ".") {
			within, _ := value.(map[string]any)
			value = within[name]
		}
		values = append(values, value)
	}
	return values
}

// inOrder returns the ids of the orders as the store sorts them by the keys and _id.
func (p *visit) inOrder(sort string) (ids []string) {
	if !strings.Contains(sort, "_id") {
		sort = strings.TrimPrefix(sort+",_id", ",")
	}
	keys, err := persistence.ParseSort(sort)
	if err != nil {
		p.Fatal(err)
	}
	q := persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: persistence.Is("market", p.market)}, Sort: keys}
	var docs []json.RawMessage
	for doc, err := range p.store.Query(p.Context(), q) {
		if err != nil {
			p.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return idsOf(p, docs)
}
