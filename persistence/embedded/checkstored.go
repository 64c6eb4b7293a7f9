package embedded

import (
	"encoding/json"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// joined are the columns and names that a document of a collection is found by: SQL
// expressions, with n as the table of its name's name, and s of its stream's.
var joined = map[string][]string{
	persistence.Orders:        {"n.name", "maker.name", "t.collection", "t.listed", "t.book"},
	persistence.Records:       {"n.name"},
	persistence.Activities:    {"n.name", "s.name", "t.seq", "t.time", "t.bulk IS NOT NULL"},
	persistence.DeadLetters:   {"t.letter", "s.name", "t.seq"},
	persistence.Notifications: {"s.name", "t.seq"},
}

// joins are the tables of the expressions in joined.
var joins = map[string]string{
	persistence.Orders:        ofMarket("t.id") + " LEFT JOIN names AS maker ON maker.id = t.maker",
	persistence.Records:       ofMarket("t.id"),
	persistence.Activities:    ofMarket("t.key") + " LEFT JOIN names AS s ON s.id = t.stream",
	persistence.DeadLetters:   ofMarket("t.stream") + " LEFT JOIN names AS s ON s.id = t.stream",
	persistence.Notifications: ofMarket("t.stream") + " LEFT JOIN names AS s ON s.id = t.stream",
}

// ofMarket joins a name n, its market and its chain.
func ofMarket(number string) string {
	return " LEFT JOIN names AS n ON n.id = " + number + " LEFT JOIN names AS m ON m.id = n.parent LEFT JOIN names AS c ON c.id = m.parent"
}

// storedQuery returns a query of each document with its row, and what it is found by.
func storedQuery(collection string) string {
	columns, found := joined[collection]
	if !found {
		return "SELECT rowid, doc, id FROM " + collection
	}
	sql := "SELECT t.rowid, t.doc, c.name, m.name"
	for _, column := range columns {
		sql += ", " + column
	}
	return sql + " FROM " + collection + " AS t" + joins[collection]
}

// checkStored checks a row of storedQuery.
func checkStored(collection string, row *sqlite.Stmt) error {
	doc := text(row, 1, nil)
	s := &selection{collection: collection}
	public, err := s.document(doc)
	if err != nil {
		return err
	}
	if !json.Valid(public) {
		return fmt.Errorf("not JSON: %.100q", doc)
	}
	want, err := foundBy(s, doc)
	if err != nil {
		return err
	}
	columns := []string{"id"}
	if in, ok := joined[collection]; ok {
		columns = slices.Concat([]string{"chain", "market"}, in)
	}
	for i, value := range want {
		if stored := row.ColumnText(2 + i); stored != fmt.Sprint(value) {
			return mismatch(columns[i], stored, value)
		}
	}
	return nil
}

// foundBy returns the values of the columns of storedQuery, as of a document.
func foundBy(s *selection, doc []byte) ([]any, error) {
	switch s.collection {
	case persistence.Orders:
		var o markets.Order
		err := orderDecoder.Decode(doc, &o)
		c := columnsOf(&o)
		return []any{o.Chain, o.Market, o.Key, markets.MakerKey(o.Maker), c.collection, c.listed, c.book}, err
	case persistence.Activities:
		var a markets.Activity
		err := activityDecoder.Decode(doc, &a)
		bulk := 0
		if a.Kind == markets.OrdersCancelled {
			bulk = 1
		}
		return []any{a.Chain, a.Market, a.Event.Key(), a.Stream, a.Seq, timeOperand(a.Time), bulk}, err
	case persistence.Records:
		var r markets.Record
		err := decode(doc, &r)
		return []any{r.Chain, r.Market, markets.RecordKey(r.Type, r.Key)}, err
	case persistence.DeadLetters:
		var d markets.DeadLetter
		err := decode(doc, &d)
		return []any{d.Chain, d.Market, d.ID(), d.Stream, d.Seq}, err
	case persistence.Notifications:
		var n markets.Notification
		err := decode(doc, &n)
		return []any{n.Chain, n.Market, n.Stream, n.Seq}, err
	}
	id, err := s.id(doc)
	return []any{id}, err
}
