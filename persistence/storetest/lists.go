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
	// Lists by time, which stores read by an index, have the matching documents, sorted and
	// limited, also after orders have changed.
	{"ListsByTime", func(s *suite) {
		n := 0
		rapid.Check(s.T, func(t *rapid.T) {
			n++ // each run has its own market in the same store
			market := persistence.MarketRef{Chain: chain, Market: fmt.Sprint("lists-", n)}
			seq := int64(0)
			for range 2 {
				orders := rapid.SliceOfNDistinct(rapid.Custom(listOrder(market)), 1, 8, func(o markets.Order) string { return o.Key }).Draw(t, "orders")
				events := rapid.SliceOfN(rapid.Custom(listEvent), 1, 8).Draw(t, "events")
				for i := range events {
					seq++
					events[i].Seq, events[i].Position = seq, markets.Position{Height: seq}
				}
				s.within(market, func(tx persistence.Tx) error {
					keys := make([]string, len(orders))
					for i, o := range orders {
						keys[i] = o.Key
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
			for collection, path := range map[string]string{persistence.Orders: "listedAt", persistence.Activities: "time"} {
				within := persistence.Filter{Condition: persistence.And{persistence.Is("chain", chain), persistence.Is("market", market.Market)}}
				docs := query[map[string]any](s, persistence.Query{Collection: collection, Filter: within})
				for range 4 {
					compareList(s, t, collection, path, within.Condition, docs)
				}
			}
		})
	}},
}

// compareList draws a query, and compares its result with the documents selected by
// matching.
func compareList(s *suite, t *rapid.T, collection, path string, within persistence.Condition, docs []map[string]any) {
	filter := persistence.And{within, listCondition(t, path)}
	if rapid.Bool().Draw(t, "another") {
		filter = persistence.And{persistence.And{within, listCondition(t, path)}, listCondition(t, path)}
	}
	down := rapid.Bool().Draw(t, "down")
	limit := rapid.IntRange(0, 5).Draw(t, "limit")
	q := persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: filter}, Sort: []persistence.SortKey{{Path: path, Descending: down}, {Path: "_id"}}, Limit: limit}
	want := slices.DeleteFunc(slices.Clone(docs), func(doc map[string]any) bool { return !matching.Value(filter, doc) })
	slices.SortFunc(want, func(a, b map[string]any) int {
		at := timeOf(a[path]).Compare(timeOf(b[path]))
		if down {
			at = -at
		}
		return cmp.Or(at, strings.Compare(a["_id"].(string), b["_id"].(string)))
	})
	if limit > 0 {
		want = want[:min(limit, len(want))]
	}
	if found := query[map[string]any](s, q); asJSON(append([]map[string]any{}, found...)) != asJSON(append([]map[string]any{}, want...)) {
		t.Fatalf("%s by %s, down %v, at most %d: %#v\nfound %s\nwant %s", collection, path, down, limit, filter, asJSON(found), asJSON(want))
	}
}

// timeOf parses a time; a missing one is zero.
func timeOf(value any) time.Time {
	text, _ := value.(string)
	at, _ := time.Parse(time.RFC3339Nano, text)
	return at
}

func listOrder(market persistence.MarketRef) func(t *rapid.T) markets.Order {
	return func(t *rapid.T) markets.Order {
		o := markets.Order{
			Chain: market.Chain, Market: market.Market, Key: rapid.SampledFrom([]string{"0", "1", "2", "3", "4", "5", "6", "7"}).Draw(t, "key"),
			Status: rapid.SampledFrom([]markets.Status{markets.Listing, markets.Sold}).Draw(t, "status"), Maker: drawMaker(t),
			Token: markets.Token{Collection: drawCollection(t)},
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
	return rapid.SampledFrom([]string{"", "0xC", "0xD"}).Draw(t, "collection")
}

func drawMaker(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "0xM", "0xm"}).Draw(t, "maker")
}

// listCondition draws a condition like those of lists.
func listCondition(t *rapid.T, path string) persistence.Condition {
	bound := persistence.Compare{Path: path, Operand: drawTime(t), Operator: rapid.SampledFrom([]persistence.Operator{
		persistence.Equal, persistence.Greater, persistence.GreaterOrEqual, persistence.Less, persistence.LessOrEqual,
	}).Draw(t, "operator")}
	return rapid.SampledFrom([]persistence.Condition{
		bound, persistence.Not{Condition: bound}, persistence.And{}, persistence.Is(path, nil),
		persistence.Is("token.collection", drawCollection(t)), persistence.Is("token.collection", nil),
		persistence.Is("maker", drawMaker(t)), persistence.Is("status", "SOLD"),
		persistence.Or{bound, persistence.Is("token.collection", "0xC")},
		persistence.Or{persistence.Is("token.collection", "0xC"), persistence.Is("token.collection", "0xD")},
		persistence.Or{persistence.Is("maker", "0xM"), persistence.Is("maker", "0xm")},
	}).Draw(t, "condition")
}
