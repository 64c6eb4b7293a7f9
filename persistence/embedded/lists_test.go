package embedded

import (
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Frequent lists are read by an index, and those by time in its order, without sorting.
func TestCommonListsUseIndexes(t *testing.T) {
	s := open(t, t.TempDir())
	for _, test := range []struct{ collection, filter, sort, index string }{
		{persistence.Orders, ``, "-listedAt", "SCAN orders USING INDEX orders_listed"},
		{persistence.Orders, `{status: "LISTING", chain: "ethereum", market: "seaport"}`, "-listedAt", "SCAN orders USING INDEX orders_listed"},
		{persistence.Orders, `{listedAt: {$lte: "2023-11-15T22:13:20Z"}}`, "-listedAt", "SEARCH orders USING INDEX orders_listed (listed<?)"},
		{persistence.Orders, `{$and: [{status: "LISTING"}, {listedAt: {$not: {$gt: "2023-11-15T22:13:20Z"}}}]}`, "-listedAt", "SEARCH orders USING INDEX orders_listed (listed<?)"},
		{persistence.Orders, `{"token.collection": "0xC", status: "LISTING"}`, "-listedAt", "SEARCH orders USING INDEX orders_book (collection=?) sorted"},
		{persistence.Orders, `{"token.collection": "0xC", status: "LISTING"}`, "unitPrice", "SEARCH orders USING INDEX orders_book (collection=?) sorted"},
		{persistence.Orders, `{"token.collection": "0xC", status: "LISTING", side: "ask"}`, "unitPrice", "SEARCH orders USING INDEX orders_book (collection=? AND book>? AND book<?)"},
		{persistence.Orders, `{"token.collection": "0xC0dE0000000000000000000000000000000000c1", status: "LISTING", side: "bid"}`, "-unitPrice", "SEARCH orders USING INDEX orders_book (collection=? AND book>? AND book<?)"},
		{persistence.Orders, `{"token.collection": "0xC", status: "LISTING", side: "ask", unitPrice: "5"}`, "unitPrice,_id", "SEARCH orders USING INDEX orders_book (collection=? AND book=?) USE TEMP B-TREE FOR LAST TERM OF ORDER BY"},
		{persistence.Orders, `{"token.collection": "0xC", status: "SOLD", side: "ask"}`, "unitPrice", "SEARCH orders USING INDEX orders_book (collection=?) sorted"},
		{persistence.Orders, `{chain: "ethereum", market: "seaport", maker: "0xM"}`, "-listedAt", "SEARCH orders USING INDEX orders_maker (maker=?) sorted"},
		{persistence.Activities, ``, "-time", "SCAN activities USING INDEX activities_time"},
		{persistence.Activities, `{chain: "ethereum", market: "seaport"}`, "-time", "SCAN activities USING INDEX activities_time"},
		{persistence.Activities, `{"token.collection": "0xC"}`, "-time", "SCAN activities USING INDEX activities_time"},
		{persistence.Activities, `{"token.collection": "0xC", time: {$gt: "2023-11-15T22:13:20Z"}}`, "-time", "SEARCH activities USING INDEX activities_time (time>?)"},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", order: "0xA"}`, "-time", "SEARCH activities USING INDEX activities_key (key=?) sorted"},
		{persistence.Activities, `{chain: "ethereum", market: "seaport", stream: "list", seq: {$gt: 5}}`, "-time", "SEARCH activities USING INDEX activities_seq (stream=? AND seq>?) sorted"},
	} {
		if got := planOf(t, s, test.collection, test.filter, test.sort); got != test.index {
			t.Errorf("%s %s by %s: %s", test.collection, test.filter, test.sort, got)
		}
	}
}

// planOf returns SQLite's plan of a list's query.
func planOf(t *testing.T, s *Store, collection, text, by string) string {
	t.Helper()
	filter, err := documents.ParseFilter(collection, text)
	if err != nil {
		t.Fatal(err)
	}
	sort, err := documents.ParseSort(collection, by)
	if err != nil {
		t.Fatal(err)
	}
	selection, err := newSelection(persistence.Query{Collection: collection, Filter: filter, Sort: sort, Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	err = s.read(t.Context(), func(conn *sqlite.Conn) error {
		if err := selection.defineID(conn); err != nil {
			return err
		}
		return once(conn, "EXPLAIN QUERY PLAN "+selection.sql.text.String(), nothing, func(row *sqlite.Stmt) error {
			steps = append(steps, row.ColumnText(3))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(strings.Join(steps, " "), "USE TEMP B-TREE FOR ORDER BY", "sorted", 1)
}
