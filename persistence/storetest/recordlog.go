package storetest

import (
	"encoding/json"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/matching"
)

var recordLogTests = []test{
	// A query for a record's log finds what its conditions match among all activities, wherever in
	// a filter they stand, though stores read it by an index.
	{"IsWhatItsConditionsMatch", func(s *suite) {
		of := func(seq int64, kind, key string) markets.Event {
			return markets.Event{
				Kind: markets.Recorded, Stream: "list", Seq: seq, Position: markets.Position{Height: seq}, Transaction: "0xt", Time: at(seq),
				Record: &markets.RecordChange{Type: kind, Key: key},
			}
		}
		removed, ordered, token := of(2, "gallery", "g"), of(3, "gallery", "g"), of(4, "", "")
		removed.Kind, removed.Stream = markets.RecordRemoved, "remove"
		ordered.Kind, ordered.Order = markets.Listed, "0xa" // it is of the order's log
		token.Kind, token.Record, token.Token = markets.Transferred, nil, markets.Token{Collection: "gallery", ID: "g"}
		named := of(5, "", "")
		named.Kind, named.Record, named.Order = markets.Listed, nil, "gallery:g" // an order with the record's key
		log := []markets.Event{of(1, "gallery", "g"), removed, ordered, token, named, of(6, "gallery", "G"), of(7, "token", "g"), of(8, "token", "gallery:g"), of(9, "gallery", "")}
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, log...), nil) })
		s.within(other, func(tx persistence.Tx) error { return tx.Append(activities(other, log[:3]...), nil) })
		docs := query[map[string]any](s, persistence.Query{Collection: persistence.Activities})
		if len(docs) != len(log)+3 {
			s.Fatalf("%d activities", len(docs))
		}

		market, g := seaport.Documents(), persistence.RecordLog("gallery", "g")
		for name, test := range map[string]struct {
			where persistence.Condition
			want  int
		}{
			"of a market":         {append(slices.Clone(market), g...), 2},
			"before the market":   {append(slices.Clone(g), market...), 2},
			"within the market":   {append(slices.Clone(market), g), 2},
			"of all markets":      {g, 4},
			"of a stream":         {append(append(slices.Clone(market), g...), persistence.Equals("stream", "remove")), 1},
			"above a seq":         {append(append(slices.Clone(market), g...), persistence.Compare{Path: "seq", Operator: persistence.Greater, Operand: int64(1)}), 1},
			"of another kind":     {append(slices.Clone(market), persistence.RecordLog("token", "g")...), 1},
			"with a colon":        {append(slices.Clone(market), persistence.RecordLog("token", "gallery:g")...), 1},
			"without a key":       {append(slices.Clone(market), persistence.RecordLog("gallery", "")...), 1},
			"of no record":        {append(slices.Clone(market), persistence.RecordLog("gallery", "none")...), 0},
			"of an unknown one":   {append(persistence.MarketRef{Chain: chain, Market: "none"}.Documents(), g...), 0},
			"and another one's":   {append(append(slices.Clone(market), g...), persistence.RecordLog("token", "g")...), 0},
			"or another one's":    {append(slices.Clone(market), persistence.Or{g, persistence.RecordLog("token", "g")}), 3},
			"not":                 {append(slices.Clone(market), persistence.Not{Condition: g}), len(log) - 2},
			"with orders, too":    {append(slices.Clone(market), g[:2]...), 3},
			"of orders alone":     {append(append(slices.Clone(market), g[:2]...), persistence.Exists{Path: "order"}), 1},
			"of the order's name": {append(slices.Clone(market), persistence.Equals("order", "gallery:g")), 1},
		} {
			sorted := []persistence.SortKey{{Path: "_id"}}
			found := query[map[string]any](s, persistence.Query{Collection: persistence.Activities, Filter: persistence.Filter{Condition: test.where}, Sort: sorted})
			want := map[string]bool{}
			for _, doc := range docs {
				if matching.Value(test.where, doc) {
					want[doc["_id"].(string)] = true
				}
			}
			got := map[string]bool{}
			for _, doc := range found {
				got[doc["_id"].(string)] = true
			}
			if len(want) != test.want {
				s.Errorf("%s: the conditions match %d activities, not %d", name, len(want), test.want)
			}
			if g, w := asJSON(got), asJSON(want); g != w || len(found) != len(want) {
				s.Errorf("%s: found %s, want %s", name, g, w)
			}
		}
	}},
	// What was removed from a record's log, and what another record has in its place, is not in it.
	{"IsTruncatedWithItsStream", func(s *suite) {
		e := fullEvent()
		e.Order = ""
		later := e
		later.Seq, later.Position.Height = e.Seq+1, e.Position.Height+1
		where := append(seaport.Documents(), persistence.RecordLog("gallery", "g")...)
		log := func() []markets.Activity {
			s.Helper()
			return query[markets.Activity](s, persistence.Query{Collection: persistence.Activities, Filter: persistence.Filter{Condition: where}, Sort: []persistence.SortKey{{Path: "seq"}}})
		}
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, e, later), nil) })
		s.same("log", log(), activities(seaport, e, later))
		s.within(seaport, func(tx persistence.Tx) error { _, _, err := tx.Truncate("list", e.Seq, 10); return err })
		s.same("log", log(), activities(seaport, e))
		another := later
		another.Record = &markets.RecordChange{Type: "gallery", Key: "h", Fields: map[string]any{"count": json.Number("1")}}
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, another), nil) })
		s.same("log", log(), activities(seaport, e))
	}},
}
