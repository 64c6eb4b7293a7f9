package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/matching"
)

var listTests = []test{
	// Lists by time and by unit price, which stores read by indexes, are those of all documents
	// that match, sorted, and cut off, however often orders have changed.
	{"ListsByIndex", func(s *suite) {
		n := 0
		rapid.Check(s.T, func(t *rapid.T) {
			n++ // each run has its own market in the same store
			market := persistence.MarketRef{Chain: chain, Market: fmt.Sprint("lists-", n)}
			seq, latest := int64(0), map[string]markets.Order{}
			for range 2 {
				orders := rapid.SliceOfNDistinct(rapid.Custom(listOrder(market)), 5, 8, func(o markets.Order) string { return o.Key }).Draw(t, "orders")
				events := rapid.SliceOfN(rapid.Custom(listEvent), 1, 8).Draw(t, "events")
				for i := range events {
					seq++
					events[i].Seq, events[i].Position = seq, markets.Position{Height: seq}
				}
				s.within(market, func(tx persistence.Tx) error {
					keys := make([]string, len(orders))
					for i, o := range orders {
						keys[i], latest[o.Key] = o.Key, o
					}
					if rapid.Bool().Draw(t, "read before") {
						if _, err := tx.Orders(keys); err != nil {
							return err
						}
					}
					if err := tx.PutOrders(orders); err != nil {
						return err
					}
					return tx.Append(activities(market, events...), nil)
				})
			}
			lists := []list{
				{persistence.Orders, "listedAt", timeCondition("listedAt"), compareTimes},
				{persistence.Activities, "time", timeCondition("time"), compareTimes},
				{persistence.Orders, "unitPrice", bookCondition, comparePrices},
			}
			within := persistence.Filter{Condition: persistence.And{persistence.Is("chain", chain), persistence.Is("market", market.Market)}}
			stored := map[string]markets.Order{}
			for _, o := range query[markets.Order](s, persistence.Query{Collection: persistence.Orders, Filter: within}) {
				stored[o.Key] = o
			}
			if asJSON(stored) != asJSON(latest) {
				t.Fatalf("stored %s\nwant %s", asJSON(stored), asJSON(latest))
			}
			for _, l := range lists {
				docs := query[map[string]any](s, persistence.Query{Collection: l.collection, Filter: within})
				for range 8 {
					compareList(s, t, l, within.Condition, docs)
				}
			}
		})
	}},
}

// list is a kind of list: its order, and the conditions that its filters are drawn from.
type list struct {
	collection, path string
	condition        func(*rapid.T) persistence.Condition
	compare          func(a, b any) int // of values at path
}

// compareList draws a list, and compares it with that of all documents.
func compareList(s *suite, t *rapid.T, l list, within persistence.Condition, docs []map[string]any) {
	filter := persistence.And{within, l.condition(t)}
	if rapid.Bool().Draw(t, "another") {
		filter = persistence.And{persistence.And{within, l.condition(t)}, l.condition(t)}
	}
	down := rapid.Bool().Draw(t, "down")
	limit := rapid.IntRange(0, 5).Draw(t, "limit")
	q := persistence.Query{Collection: l.collection, Filter: persistence.Filter{Condition: filter}, Sort: []persistence.SortKey{{Path: l.path, Descending: down}, {Path: "_id"}}, Limit: limit}
	want := slices.DeleteFunc(slices.Clone(docs), func(doc map[string]any) bool { return !matching.Value(filter, doc) })
	slices.SortFunc(want, func(a, b map[string]any) int {
		at := l.compare(a[l.path], b[l.path])
		if down {
			at = -at
		}
		return cmp.Or(at, strings.Compare(a["_id"].(string), b["_id"].(string)))
	})
	if limit > 0 {
		want = want[:min(limit, len(want))]
	}
	if found := query[map[string]any](s, q); asJSON(append([]map[string]any{}, found...)) != asJSON(append([]map[string]any{}, want...)) {
		t.Fatalf("%s by %s, down %v, at most %d: %#v\nfound %s\nwant %s", l.collection, l.path, down, limit, filter, asJSON(found), asJSON(want))
	}
}

// compareTimes compares times; a missing one is the first.
func compareTimes(a, b any) int { return timeOf(a).Compare(timeOf(b)) }

// timeOf is a time; the zero one if it is missing.
func timeOf(value any) time.Time {
	text, _ := value.(string)
	at, _ := time.Parse(time.RFC3339Nano, text)
	return at
}

// comparePrices compares amounts; a missing one is the first.
func comparePrices(a, b any) int {
	return strings.Compare(amountOf(a).Sortable(), amountOf(b).Sortable())
}

func amountOf(value any) markets.Amount {
	text, _ := value.(string)
	return markets.Amount(text)
}

func listOrder(market persistence.MarketRef) func(t *rapid.T) markets.Order {
	return func(t *rapid.T) markets.Order {
		o := markets.Order{
			Chain: market.Chain, Market: market.Market, Key: rapid.SampledFrom([]string{"0", "1", "2", "3", "4", "5", "6", "7"}).Draw(t, "key"),
			Status: rapid.SampledFrom([]markets.Status{markets.Listing, markets.Sold}).Draw(t, "status"), Maker: drawMaker(t),
			Token: markets.Token{Collection: drawCollection(t)}, Side: drawSide(t),
			UnitPrice: drawPrice(t),
		}
		if rapid.Bool().Draw(t, "listed") {
			listed := drawTime(t)
			o.ListedAt = &listed
		}
		return o
	}
}

func listEvent(t *rapid.T) markets.Event {
	return markets.Event{
		Kind: markets.Transferred, Stream: "list", Transaction: "0xt",
		Time: drawTime(t), From: drawMaker(t), Token: markets.Token{Collection: drawCollection(t)},
	}
}

// drawTime draws one of four times, with and without fractions of a second.
func drawTime(t *rapid.T) time.Time {
	return at(0).Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "half seconds")) * time.Second / 2)
}

func drawCollection(t *rapid.T) string {
	return rapid.SampledFrom([]string{"0xC", "0xC", "0xD", ""}).Draw(t, "collection")
}

func drawMaker(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "0xM", "0xm"}).Draw(t, "maker")
}

func drawPrice(t *rapid.T) markets.Amount {
	return rapid.SampledFrom([]markets.Amount{"", "0", "5", "10", "123456789012345678901234567890"}).Draw(t, "price")
}

func drawSide(t *rapid.T) markets.Side {
	return rapid.SampledFrom([]markets.Side{markets.Ask, markets.Ask, markets.Bid, ""}).Draw(t, "side")
}

// timeCondition draws a condition as lists by a time have them.
func timeCondition(path string) func(t *rapid.T) persistence.Condition {
	return func(t *rapid.T) persistence.Condition {
		bound := drawBound(t, path, drawTime(t))
		return rapid.SampledFrom([]persistence.Condition{
			bound, persistence.Not{Condition: bound}, persistence.And{}, persistence.Is(path, nil),
			persistence.Is("token.collection", drawCollection(t)), persistence.Is("token.collection", nil),
			persistence.Is("maker", drawMaker(t)), persistence.Is("status", "SOLD"),
			persistence.Or{bound, persistence.Is("token.collection", "0xC")},
			persistence.Or{persistence.Is("token.collection", "0xC"), persistence.Is("token.collection", "0xD")},
			persistence.Or{persistence.Is("maker", "0xM"), persistence.Is("maker", "0xm")},
		}).Draw(t, "condition")
	}
}

// bookCondition draws a condition as lists by unit price have them, most often one that names a
// side of a collection's order book.
func bookCondition(t *rapid.T) persistence.Condition {
	book := persistence.And{
		persistence.Is("token.collection", drawCollection(t)), persistence.Is("side", string(drawSide(t))),
		persistence.Is("status", string(markets.Listing)),
	}
	operand := drawPrice(t)
	if !operand.Known() {
		return book
	}
	bound := drawBound(t, "unitPrice", operand)
	return rapid.SampledFrom([]persistence.Condition{
		append(book, bound), append(book, bound), book, append(book, persistence.Not{Condition: bound}), append(book, persistence.Is("unitPrice", nil)),
		append(book, persistence.Or{bound, persistence.Is("unitPrice", nil)}), book[:2], book[1:], append(book[:2:2], bound), bound, persistence.Not{Condition: bound},
	}).Draw(t, "condition")
}

func drawBound(t *rapid.T, path string, operand any) persistence.Compare {
	return persistence.Compare{Path: path, Operand: operand, Operator: rapid.SampledFrom([]persistence.Operator{
		persistence.Equal, persistence.Greater, persistence.GreaterOrEqual, persistence.Less, persistence.LessOrEqual,
	}).Draw(t, "operator")}
}
