package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// shop puts orders with keys 0 to 5 for filters to choose from.
func (s *suite) shop() {
	s.Helper()
	put := []markets.Order{
		{Key: "0", Status: markets.Listing, Price: "9", Quantity: "1"},
		{Key: "1", Status: markets.Listing, Price: "10", Quantity: "100", Maker: "0xM"},
		{Key: "2", Status: markets.Sold, Price: "1000000000000000000000000000000", Anomalies: 2},
		{Key: "3", Status: markets.Sold, Maker: "0xm", Quantity: "20", Token: markets.Token{Collection: "0xC", Name: "10"}},
		{Key: "4", Status: markets.Canceled, Price: greatest, Bundle: []markets.Item{
			{Token: markets.Token{Collection: "0xC"}, Quantity: "5"}, {Token: markets.Token{Collection: "0xD"}, Quantity: "20"},
		}},
		{Key: "5", Status: markets.Canceled, Price: "0"},
	}
	for i := range put {
		o := &put[i]
		o.Chain, o.Market = chain, "seaport"
		o.Last = markets.Position{Height: int64(i) * 10}
		when := at(0).AddDate(0, 0, i)
		o.ListedAt = &when
	}
	halfPast := put[2].ListedAt.Add(500_000_000)
	put[2].ListedAt = &halfPast // with a fraction: written …T22:13:20.5Z
	s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders(put) })
}

// keys are the keys of the orders that a query finds, as they come.
func (s *suite) keys(q persistence.Query) string {
	s.Helper()
	q.Collection = persistence.Orders
	var keys []string
	for _, o := range query[markets.Order](s, q) {
		keys = append(keys, o.Key)
	}
	return strings.Join(keys, "")
}

var queryTests = []test{
	// All queries of a snapshot see the documents as the first one does, and the store's
	// own see what is committed.
	{"Snapshots", func(s *suite) {
		s.shop()
		sold := persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: persistence.Is("status", "SOLD")}}
		count := func(docs persistence.Querier) int {
			found, err := persistence.Collect[markets.Order](s.Context(), docs, sold)
			s.must(err)
			return len(found)
		}
		s.must(s.store.(persistence.Snapshots).Snapshot(s.Context(), func(docs persistence.Querier) error {
			s.same("orders before a commit", count(docs), 2)
			s.within(seaport, func(tx persistence.Tx) error { return tx.DeleteOrders([]string{"2"}) })
			s.same("orders in the snapshot", count(docs), 2)
			s.same("orders in the store", count(s.store), 1)
			return nil
		}))
		failed := errors.New("failed")
		err := s.store.(persistence.Snapshots).Snapshot(s.Context(), func(docs persistence.Querier) error {
			s.same("orders in another snapshot", count(docs), 1)
			return failed
		})
		if !errors.Is(err, failed) {
			s.Errorf("the error is %v", err)
		}
	}},
	{"DocumentsHaveTheirKeysInFront", func(s *suite) {
		epoch := s.takeOver(chain)
		actor := s.claim(claimOf(seaport, "list", epoch))
		e, record := fullEvent(), record("gallery", "g")
		bulk := cancelAll("list", 9, "0xM")
		move := markets.Event{Kind: markets.Transferred, Stream: "list", Transaction: "0xt"}
		recorded := markets.Event{Kind: markets.Recorded, Stream: "list", Transaction: "0xt", Record: e.Record}
		letter := letter(seaport, "list", 1, 2)
		s.within(seaport, func(tx persistence.Tx) error {
			return errors.Join(
				tx.Append(activities(seaport, e, bulk, move, recorded), []markets.DeadLetter{letter}),
				tx.PutOrders([]markets.Order{fullOrder()}), tx.PutRecords([]markets.Record{record}),
			)
		})
		log := activities(seaport, e, bulk, move, recorded)
		for collection, want := range map[string][]string{
			persistence.Actors:      {actor.ID},
			persistence.Leases:      {chain},
			persistence.Orders:      {fullOrder().ID()},
			persistence.Records:     {record.ID()},
			persistence.DeadLetters: {letter.ID()},
			persistence.Activities:  {log[0].ID(), log[1].ID(), log[2].ID(), log[3].ID()},
		} {
			docs := all[json.RawMessage](s, collection)
			if len(docs) != len(want) {
				s.Fatalf("%s: %d documents", collection, len(docs))
			}
			for i, id := range sorted(want) {
				if prefix := `{"_id":` + asJSON(id) + `,"`; !strings.HasPrefix(string(docs[i]), prefix) {
					s.Errorf("%s: %s\nwant %s…", collection, docs[i], prefix)
				}
				filter, err := documents.ParseFilter(collection, fmt.Sprintf(`{_id: %q}`, id))
				s.must(err)
				found := query[json.RawMessage](s, persistence.Query{Collection: collection, Filter: filter})
				s.same(collection+" by key", found, []json.RawMessage{docs[i]})
			}
		}
	}},
	{"Filters", func(s *suite) {
		s.shop()
		for _, c := range []struct{ filter, keys string }{
			{``, "012345"},
			{`{}`, "012345"},
			{`{key: "3"}`, "3"},
			{`{key: 3}`, ""}, // a string is not a number
			{`{status: "SOLD"}`, "23"},
			{`{status: {$eq: "SOLD"}, anomalies: 2}`, "2"},
			{`{status: {$ne: "SOLD"}}`, "0145"},
			{`{maker: "0xM"}`, "1"},
			{`{maker: {$ne: "0xM"}}`, "02345"}, // missing is not equal
			{`{maker: {$in: ["0xM", "0xm"]}}`, "13"},
			{`{maker: {$nin: ["0xM", "0xm"]}}`, "0245"},
			{`{maker: {$in: []}}`, ""},
			{`{maker: {$nin: []}}`, "012345"},
			{`{maker: {$in: [null, "0xM"]}}`, "01245"},
			{`{maker: null}`, "0245"},
			{`{maker: {$ne: null}}`, "13"},
			{`{maker: {$gte: null}}`, "0245"},
			{`{maker: {$gt: null}}`, ""},
			{`{maker: {$exists: true}}`, "13"},
			{`{maker: {$exists: false}}`, "0245"},
			{`{maker: {$gt: "0xM"}}`, "3"},
			{`{maker: {$not: {$gt: "0xM"}}}`, "01245"},
			{`{maker: {$lt: "0xm", $gt: "0xA"}}`, "1"},
			{`{maker: {$gt: 0}}`, ""},
			{`{"last.height": {$gt: 10}}`, "2345"},
			{`{"last.height": {$gte: 10, $lt: 30}}`, "12"},
			{`{"last.height": {$lte: 10.5}}`, "01"},
			{`{"last.height": 20.0}`, "2"},
			{`{"last.height": "20"}`, ""},
			{`{"last.height": {$gt: true}}`, ""},
			{`{"token.collection": "0xC", "token.name": "10"}`, "3"},
			{`{"token.name": 10}`, ""},
			{`{$or: [{key: "1"}, {status: "SOLD", anomalies: 2}]}`, "12"},
			{`{$and: [{status: "SOLD"}, {key: {$ne: "2"}}]}`, "3"},
			{`{$nor: [{status: "SOLD"}, {maker: "0xM"}]}`, "045"},
			{`{$or: [{$and: [{key: "1"}, {status: "SOLD"}]}, {$nor: [{"last.height": {$lt: 40}}]}]}`, "45"},
			{`{status: {$not: {$in: ["SOLD", "LISTING"]}}}`, "45"},
			// amounts
			{`{price: "10"}`, "1"},
			{`{price: 10}`, "1"},
			{`{price: {$gt: 9}}`, "124"},
			{`{price: {$gt: "9"}}`, "124"},
			{`{price: {$lt: "10"}}`, "05"},
			{`{price: {$lte: 10}}`, "015"},
			{`{price: {$gte: 1000000000000000000000000000000}}`, "24"},
			{`{price: {$gt: "1000000000000000000000000000000"}}`, "4"},
			{`{price: ` + string(greatest) + `}`, "4"},
			{`{price: {$ne: 10}}`, "02345"},
			{`{price: {$not: {$gt: 9}}}`, "035"}, // an unknown price is not greater
			{`{price: {$in: [9, "10"]}}`, "01"},
			{`{quantity: {$lt: 20}}`, "0"},
			// lists
			{`{"bundle.quantity": 20}`, "4"},
			{`{"bundle.quantity": {$gt: 5}}`, "4"},
			{`{"bundle.quantity": {$gt: 20}}`, ""},
			{`{"bundle.quantity": {$ne: 20}}`, "01235"},
			{`{"bundle.collection": "0xD"}`, "4"},
			{`{"bundle.collection": {$in: ["0xA", "0xC"]}}`, "4"},
			{`{"bundle.0.collection": "0xC"}`, "4"},
			{`{"bundle.1.collection": "0xC"}`, ""},
			{`{"bundle.collection": {$exists: true}}`, "4"},
			{`{"bundle.name": {$exists: true}}`, ""},
			{`{bundle: {$exists: true}}`, "4"},
			{`{bundle: null}`, "01235"},
			// dates
			{`{listedAt: "2023-11-15T22:13:20Z"}`, "1"},
			{`{listedAt: "2023-11-16T00:13:20.000+02:00"}`, "1"},
			{`{listedAt: {$gt: "2023-11-16T22:13:20Z"}}`, "2345"},
			{`{listedAt: {$gt: "2023-11-16T22:13:20.4Z", $lt: "2023-11-16T22:13:20.50001Z"}}`, "2"},
			{`{listedAt: {$lte: {$date: "2023-11-15T22:13:20Z"}}}`, "01"},
			{`{soldAt: {$lt: "2030-01-01T00:00:00Z"}}`, ""},
		} {
			filter, err := documents.ParseFilter(persistence.Orders, c.filter)
			s.must(err)
			if got := s.keys(persistence.Query{Filter: filter, Sort: []persistence.SortKey{{Path: "key"}}}); got != c.keys {
				s.Errorf("%s found %s, want %s", c.filter, got, c.keys)
			}
		}
		undeclared := persistence.Filter{Condition: persistence.Exists{Path: "token.nothing.deeper"}}
		if got := s.keys(persistence.Query{Filter: undeclared}); got != "" {
			s.Errorf("an undeclared field found %s", got)
		}
	}},
	{"FiltersOnFreeFields", func(s *suite) {
		s.within(seaport, func(tx persistence.Tx) error { return tx.PutRecords([]markets.Record{record("gallery", "g")}) })
		for text, want := range map[string]int{
			`{"fields.open": true}`:                      1,
			`{"fields.open": false}`:                     0,
			`{"fields.open": {$ne: true}}`:               0,
			`{"fields.open": 1}`:                         0,
			`{"fields.open": {$in: [1, true]}}`:          1,
			`{"fields.none": null}`:                      1,
			`{"fields.none": {$exists: true}}`:           1,
			`{"fields.nothing": {$exists: true}}`:        0,
			`{"fields.nothing": null}`:                   1,
			`{"fields.count": 9007199254740993}`:         1,
			`{"fields.count": {$gt: 9007199254740992}}`:  1,
			`{"fields.tags": "b"}`:                       1,
			`{"fields.tags": {$ne: "b"}}`:                0,
			`{"fields.tags": "c"}`:                       0,
			`{"fields.tags.1": "b"}`:                     1,
			`{"fields.tags.0": "b"}`:                     0,
			`{"fields.tags.x": "b"}`:                     0,
			`{"fields.deep.est.x": "y"}`:                 1,
			`{"fields.deep.x": "y"}`:                     0,
			`{"fields.deep.er": "b"}`:                    0,
			`{"fields.deep.er": {$exists: 1}}`:           1,
			`{"fields.it's; DROP TABLE records": "x"}`:   0,
			`{removed: {$ne: true}}`:                     1,
			`{createdAt: {$lt: "2024-01-01T00:00:00Z"}}`: 1,
		} {
			filter, err := documents.ParseFilter(persistence.Records, text)
			s.must(err)
			if got := query[any](s, persistence.Query{Collection: persistence.Records, Filter: filter}); len(got) != want {
				s.Errorf("%s found %d, want %d", text, len(got), want)
			}
		}
	}},
	{"FiltersKnowTheFieldsOfTheirCollection", func(s *suite) {
		l := letter(seaport, "list", 1, 2)
		l.Raw = json.RawMessage(`[{"topic":"0x1","n":1},{"topic":"0x3"}]`)
		log := activities(seaport, fullEvent())
		s.within(seaport, func(tx persistence.Tx) error {
			return errors.Join(tx.Append(log, []markets.DeadLetter{l}), tx.Notify(markets.Notifications(log[0])))
		})
		for _, c := range []struct {
			collection, filter string
			found              bool
		}{
			{persistence.DeadLetters, `{"raw.topic": "0x3"}`, true},
			{persistence.DeadLetters, `{"raw.topic": "0x4"}`, false},
			{persistence.DeadLetters, `{"raw.n": {$gte: 1}}`, true},
			{persistence.DeadLetters, `{"raw.1.topic": "0x1"}`, false},
			{persistence.DeadLetters, `{time: {$gt: "2100-01-01T00:00:00Z"}}`, false},
			{persistence.Notifications, `{price: {$gt: 5}, time: {$lt: "2100-01-01T00:00:00+01:00"}}`, true},
			{persistence.Notifications, `{price: {$lt: 5}}`, false},
			{persistence.Notifications, `{readAt: {$lt: "2100-01-01T00:00:00Z"}}`, false},
		} {
			filter, err := documents.ParseFilter(c.collection, c.filter)
			s.must(err)
			if found := query[any](s, persistence.Query{Collection: c.collection, Filter: filter}); (len(found) > 0) != c.found {
				s.Errorf("%s %s found %v", c.collection, c.filter, found)
			}
		}
	}},
	{"FiltersAsLargeAsTheyMayBe", func(s *suite) {
		s.shop()
		deep, wide := `{key: "1"}`, make([]string, 990)
		for range 7 {
			deep = `{$and: [{$or: [` + deep + `]}]}`
		}
		for i := range wide {
			wide[i] = fmt.Sprintf(`{key: "%d"}`, i+4)
		}
		for text, keys := range map[string]string{deep: "1", `{$or: [` + strings.Join(wide, ",") + `]}`: "45"} {
			filter, err := documents.ParseFilter(persistence.Orders, text)
			s.must(err)
			if got := s.keys(persistence.Query{Filter: filter, Sort: []persistence.SortKey{{Path: "key"}}}); got != keys {
				s.Errorf("%.50s… found %s, want %s", text, got, keys)
			}
		}
	}},
	{"SortAndLimit", func(s *suite) {
		s.shop()
		for _, c := range []struct {
			sort  string
			limit int
			keys  string
		}{
			{"key", 0, "012345"},
			{"-key", 0, "543210"},
			{"-key", 2, "54"},
			{"key", 100, "012345"},
			{"price,key", 0, "350124"}, // without a price first
			{"-price,key", 0, "421053"},
			{"quantity,key", 0, "245031"}, // 1, 20, 100: numbers, not text
			{"-listedAt", 3, "543"},
			{"status,-last.height", 0, "541032"},
			{"maker,key", 0, "024513"},
			{"_id", 1, "0"},
			{"-_id", 1, "5"},
		} {
			sort, err := persistence.ParseSort(c.sort)
			s.must(err)
			if got := s.keys(persistence.Query{Sort: sort, Limit: c.limit}); got != c.keys {
				s.Errorf("by %s, at most %d: %s, want %s", c.sort, c.limit, got, c.keys)
			}
		}
		if got := s.keys(persistence.Query{Limit: 4}); len(got) != 4 {
			s.Errorf("at most 4: %s", got)
		}
	}},
	{"SortsByNothingInLists", func(s *suite) {
		s.shop()
		for _, path := range []string{"bundle", "bundle.quantity", "bundle.0.quantity"} {
			q := persistence.Query{Collection: persistence.Orders, Sort: []persistence.SortKey{{Path: path}}}
			for doc, err := range s.store.Query(s.Context(), q) {
				if err == nil || !strings.Contains(err.Error(), "is in a list") {
					s.Errorf("by %s: %s, %v", path, doc, err)
				}
			}
		}
	}},
	{"UnknownCollection", func(s *suite) {
		n := 0
		for doc, err := range s.store.Query(s.Context(), persistence.Query{Collection: "sales; DROP TABLE orders"}) {
			if n++; err == nil || doc != nil || !strings.Contains(err.Error(), "dead_letters") {
				s.Errorf("document %s, error %v", doc, err)
			}
		}
		if n != 1 {
			s.Errorf("%d results", n)
		}
	}},
	{"ReadsAConsistentStateAndBlocksNoWriter", func(s *suite) {
		s.shop()
		n := 0
		for _, err := range s.store.Query(s.Context(), persistence.Query{Collection: persistence.Orders}) {
			s.must(err)
			if n++; n == 1 {
				s.within(seaport, func(tx persistence.Tx) error {
					return errors.Join(
						tx.DeleteOrders([]string{"1", "2", "3", "4", "5"}),
						tx.PutOrders([]markets.Order{order(seaport, listed("list", 1, "0xnew"))}),
					)
				})
			}
		}
		if n != 6 {
			s.Errorf("%d documents", n)
		}
		if left := all[markets.Order](s, persistence.Orders); len(left) != 2 {
			s.Errorf("left %v", left)
		}
	}},
	{"QueriesEndWhenTheirReaderDoes", func(s *suite) {
		s.shop()
		for range s.store.Query(s.Context(), persistence.Query{Collection: persistence.Orders}) {
			for range s.store.Query(s.Context(), persistence.Query{Collection: persistence.Orders}) {
				break
			}
			break
		}
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		var errs []error
		for _, err := range s.store.Query(ctx, persistence.Query{Collection: persistence.Orders}) {
			errs = append(errs, err)
		}
		if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
			s.Errorf("errors %v", errs)
		}
		s.must(s.store.Close()) // waits for no query
	}},
	{"EveryCollectionIsShown", func(s *suite) {
		for _, collection := range persistence.Collections {
			if docs := all[any](s, collection); len(docs) != 0 {
				s.Errorf("%s: %v", collection, docs)
			}
		}
		if !slices.Contains(persistence.Collections, persistence.Leases) {
			s.Error("no leases")
		}
	}},
}
