package finality_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/finality"
)

// book is a store with two chains: ethereum, whose streams are at different heights,
// and aptos, where everything is final.
type book struct {
	t     testing.TB
	store persistence.Store
	epoch int64
}

func newBook(t testing.TB) *book {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &book{t: t, store: store}
	for _, chain := range []string{"ethereum", "aptos"} {
		if b.epoch, err = store.TakeOver(t.Context(), chain, "me"); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// stands writes that an actor stands at a place of a chain with finality.
func (b *book) stands(id string, documents bool, at markets.Place, finalized int64, do func(persistence.Tx) error) {
	b.t.Helper()
	names := append(strings.Split(id, "/"), "", "")
	kind, market, stream := "observer", names[1], names[2]
	if market == "head" {
		kind, market, stream = "head", "", ""
	}
	doc, err := b.store.Claim(b.t.Context(), persistence.Claim{
		ID: id, Kind: kind, Chain: names[0], Market: market, Stream: stream, Documents: documents, Epoch: b.epoch, Start: markets.Place{Seq: -1},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	report := persistence.Report{Status: persistence.Following, Head: 100, Finalized: finalized}
	move := persistence.Move{Actor: doc.Ref(), From: doc.Place, To: at, Report: report}
	if err := b.store.Commit(b.t.Context(), persistence.MarketRef{Chain: names[0], Market: market}, []persistence.Move{move}, do); err != nil {
		b.t.Fatal(err)
	}
}

func block(n int64) markets.Place { return markets.Place{Seq: n, Hash: fmt.Sprint("0x", n)} }

func order(chain, market string, height int64) markets.Order {
	return markets.Order{
		Chain: chain, Market: market, Key: fmt.Sprint("o", height), Side: markets.Ask, Status: markets.Listing,
		Last: markets.Position{Height: height},
	}
}

func activity(chain, market, stream string, height int64) markets.Activity {
	return markets.Activity{Chain: chain, Market: market, Event: markets.Event{
		Kind: markets.Listed, Stream: stream, Seq: height, Position: markets.Position{Height: height}, Transaction: "0x", Order: fmt.Sprint("o", height),
	}}
}

// filled is a book with orders and activities of each height.
func filled(t testing.TB) *book {
	b := newBook(t)
	put := func(chain, market, stream string) func(persistence.Tx) error {
		return func(tx persistence.Tx) error {
			var orders []markets.Order
			var log []markets.Activity
			for _, height := range []int64{10, 36, 37, 50, 51, 100} {
				orders = append(orders, order(chain, market, height))
				log = append(log, activity(chain, market, stream, height))
			}
			return errors.Join(tx.PutOrders(orders), tx.Append(log, nil))
		}
	}
	b.stands("ethereum/head", false, block(100), 50, nil)
	b.stands("ethereum/seaport/list/activity", false, block(100), 50, put("ethereum", "seaport", "list"))
	b.stands("ethereum/seaport/buy/activity", false, block(99), 36, put("ethereum", "seaport", "buy"))
	b.stands("ethereum/seaport/list/order-list", true, block(100), 50, nil)
	b.stands("ethereum/seaport/buy/order-buy", true, block(99), 36, nil)
	b.stands("ethereum/other/list/activity", false, block(100), 50, put("ethereum", "other", "list"))
	b.stands("ethereum/other/list/order-list", true, block(100), 50, nil)
	b.stands("ethereum/other/new/order-new", true, markets.Place{Seq: 7}, 0, nil) // has written nothing yet
	b.stands("aptos/head", false, markets.Place{Seq: 100}, 100, nil)
	b.stands("aptos/tradeport/list/activity", false, markets.Place{Seq: 3, Through: 60}, 60, put("aptos", "tradeport", "list"))
	b.stands("aptos/tradeport/list/order-list", true, markets.Place{Seq: 3, Through: 60}, 60, nil)
	return b
}

func (b *book) horizon(collection string) finality.Horizon {
	b.t.Helper()
	h, err := finality.Read(b.t.Context(), b.store, collection)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// find is the documents that a filter finds.
func (b *book) find(h finality.Horizon, collection, text string) (docs []json.RawMessage) {
	b.t.Helper()
	filter, err := documents.ParseFilter(collection, text)
	if err == nil {
		filter, err = h.Filter(filter)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for doc, err := range b.store.Query(b.t.Context(), persistence.Query{Collection: collection, Filter: filter, Sort: []persistence.SortKey{{Path: "_id"}}}) {
		if err != nil {
			b.t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return docs
}

// counts is how many documents of each stream or market there are.
func counts(docs []json.RawMessage) string {
	n := map[string]int{}
	for _, doc := range docs {
		var d struct{ Market, Stream string }
		_ = json.Unmarshal(doc, &d)
		n[strings.TrimSuffix(d.Market+"/"+d.Stream, "/")]++
	}
	return strings.TrimPrefix(fmt.Sprint(n), "map")
}

func TestWhatIsFinal(t *testing.T) {
	b := filled(t)
	for _, c := range []struct{ collection, filter, want string }{
		{persistence.Orders, `{final: true}`, "[other:4 seaport:2 tradeport:6]"},
		{persistence.Orders, `{final: false}`, "[other:2 seaport:4]"},
		{persistence.Orders, `{final: {$ne: true}}`, "[other:2 seaport:4]"},
		{persistence.Orders, `{final: {$in: [true, false]}}`, "[other:6 seaport:6 tradeport:6]"},
		{persistence.Orders, `{final: {$exists: true}}`, "[other:6 seaport:6 tradeport:6]"},
		{persistence.Orders, `{final: {$exists: false}}`, "[]"},
		{persistence.Orders, `{$or: [{final: false, market: "other"}, {chain: "aptos"}]}`, "[other:2 tradeport:6]"},
		{persistence.Orders, `{$nor: [{final: true}, {market: "other"}]}`, "[seaport:4]"},
		{persistence.Activities, `{final: true}`, "[other/list:4 seaport/buy:2 seaport/list:4 tradeport/list:6]"},
		{persistence.Activities, `{final: false, stream: "buy"}`, "[seaport/buy:4]"},
	} {
		if got := counts(b.find(b.horizon(c.collection), c.collection, c.filter)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.collection, c.filter, got, c.want)
		}
	}
}

func TestMistakesInFilters(t *testing.T) {
	h := newBook(t).horizon(persistence.Orders)
	for _, text := range []string{`{final: 1}`, `{final: "true"}`, `{final: {$gt: false}}`, `{final: null}`, `{$or: [{final: 1}]}`} {
		filter, err := documents.ParseFilter(persistence.Orders, text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Filter(filter); err == nil || !strings.Contains(err.Error(), "{final: true}") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Of what nobody has said to be final nothing is.
func TestNothingIsFinalWithoutActors(t *testing.T) {
	b := newBook(t)
	err := b.store.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "seaport"}, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{order("ethereum", "seaport", 1)})
	})
	if err != nil {
		t.Fatal(err)
	}
	h := b.horizon(persistence.Orders)
	if got := counts(b.find(h, persistence.Orders, `{final: true}`)); got != "[]" {
		t.Errorf("final are %s", got)
	}
	for _, doc := range b.find(h, persistence.Orders, `{final: false}`) {
		if marked, err := h.Mark(doc); err != nil || !strings.HasSuffix(string(marked), `,"final":false}`) || !json.Valid(marked) {
			t.Errorf("%s, %v", marked, err)
		}
	}
}

// A filter finds as final what is marked as final, wherever the actors stand.
func TestFiltersAndMarksAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		b.stands("ethereum/head", false, block(100), rapid.Int64Range(0, 100).Draw(r, "head"), nil)
		for _, market := range []string{"a", "b"} {
			for _, stream := range []string{"x", "y"} {
				id, at := "ethereum/"+market+"/"+stream, block(100)
				if rapid.Bool().Draw(r, "at its start") {
					at = markets.Place{Seq: 3}
				}
				final := func() int64 { return rapid.SampledFrom([]int64{5, 5, 20}).Draw(r, "final") }
				b.stands(id+"/docs", true, at, final(), nil)
				b.stands(id+"/activity", false, at, final(), func(tx persistence.Tx) error {
					h := rapid.Int64Range(0, 30).Draw(r, "height")
					return errors.Join(
						tx.PutOrders([]markets.Order{order("ethereum", market, h)}),
						tx.Append([]markets.Activity{activity("ethereum", market, stream, h)}, nil),
					)
				})
			}
		}
		for _, collection := range []string{persistence.Orders, persistence.Activities} {
			h := b.horizon(collection)
			final := b.find(h, collection, `{final: true}`)
			for _, doc := range b.find(h, collection, ``) {
				is, err := h.Final(doc)
				if err != nil {
					r.Fatal(err)
				}
				found := slices.ContainsFunc(final, func(f json.RawMessage) bool { return string(f) == string(doc) })
				if is != found {
					r.Fatalf("%s is final: %v, and found as such: %v", doc, is, found)
				}
			}
		}
	})
}
