package embedded

import (
	"math"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Frequent lists are read in the order of an index, from the first document to the last: the
// newest orders and activities, and the open asks or bids of a collection of tokens by unit
// price. Other orders of a collection, and those of a maker on a market, are found by an index and
// sorted. The filter's conditions are tested all the same.

// sortedBy has the field by which lists of a collection are sorted, and its column.
var sortedBy = map[string]struct{ path, column string }{
	persistence.Orders:     {"listedAt", "listed"},
	persistence.Activities: {"time", "time"},
}

// collectionPath is the field whose hash is in the column collection.
const collectionPath = "token.collection"

// collectionHash stands for a collection in an index: 31 bits take a tenth of the space of the
// text. All spellings of an address have the same hash, as has an unrelated collection now and
// then; the filter's condition tells them apart.
func collectionHash(collection string) int64 {
	if collection == "" {
		return 0
	}
	digits := strings.TrimLeft(strings.TrimPrefix(collection, "0x"), "0")
	return name{0, strings.ToLower(digits)}.hash() & math.MaxInt32
}

// defineCollectionHash defines collectionHash in SQL.
func defineCollectionHash(conn *sqlite.Conn) error {
	return conn.CreateFunction("collection_hash", &sqlite.FunctionImpl{
		NArgs:         1,
		Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			return sqlite.IntegerValue(collectionHash(args[0].Text())), nil
		},
	})
}

// sortColumn returns the column's value of a time, in the form of timeOperand. A missing
// time is empty and sorts first.
func sortColumn(t *time.Time) string {
	if t == nil {
		return ""
	}
	return timeOperand(*t)
}

// narrowLists restricts the columns of the lists' indexes as the filter does.
func (s *selection) narrowLists(all persistence.And) {
	of, ok := sortedBy[s.collection]
	if !ok {
		return
	}
	if s.collection == persistence.Orders {
		s.ofCollection(all)
	}
	chain, market := named(all, "chain"), named(all, "market")
	if s.collection == persistence.Orders && chain != "" && market != "" {
		var makers []any
		for _, maker := range spellings(all, "maker") {
			makers = append(makers, nameRef{chain, market, markets.MakerKey(maker)})
		}
		s.among("maker", makers)
	}
	for _, c := range all {
		operator, bound := boundOf(c)
		if at, ok := bound.Operand.(time.Time); ok && bound.Path == of.path {
			s.sql.add(of.column+operator+" AND ", timeOperand(at))
		}
	}
}

// ofCollection restricts the query to the orders of a collection, and to its open asks or bids if
// the filter names them.
func (s *selection) ofCollection(all persistence.And) {
	var hashes []any
	for _, collection := range spellings(all, collectionPath) {
		// A repeated value would keep SQLite from reading the rows in the order of the index.
		if hash := any(collectionHash(collection)); !slices.Contains(hashes, hash) {
			hashes = append(hashes, hash)
		}
	}
	s.among("collection", hashes)
	side := sideLetter(markets.Side(named(all, "side")))
	if len(hashes) == 0 || side == "" || named(all, "status") != string(markets.Listing) {
		return
	}
	s.sql.byPrice = true
	s.sql.add("book >= ? AND book < ? AND ", side, side+":") // the colon follows the digits
	for _, c := range all {
		operator, bound := boundOf(c)
		if price, ok := bound.Operand.(markets.Amount); ok && bound.Path == unitPricePath {
			s.sql.add("book"+operator+" AND ", side+price.Sortable())
		}
	}
}

const unitPricePath = "unitPrice"

// bookEntry is the place of an open order in the order book of its collection: its side, and its
// unit price as it sorts. It is empty for any other order.
func bookEntry(o *markets.Order) string {
	side := sideLetter(o.Side)
	if side == "" || o.Status != markets.Listing {
		return ""
	}
	return side + o.UnitPrice.Sortable()
}

// sideLetter is empty for an order without a side.
func sideLetter(side markets.Side) string {
	switch side {
	case markets.Ask:
		return "a"
	case markets.Bid:
		return "b"
	}
	return ""
}

// among restricts a column to some values, unless there are none.
func (s *selection) among(column string, values []any) {
	if len(values) > 0 {
		s.sql.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+") AND ", values...)
	}
}

// spellings returns the texts one of which a field must equal, such as the spellings of an
// address; none if the filter does not require any.
func spellings(all persistence.And, path string) []string {
	for _, c := range all {
		either, ok := c.(persistence.Or)
		if !ok {
			either = persistence.Or{c}
		}
		var texts []string
		for _, one := range either {
			if text := named(persistence.And{one}, path); text != "" {
				texts = append(texts, text)
			}
		}
		if len(texts) > 0 && len(texts) == len(either) {
			return texts
		}
	}
	return nil
}

// boundOf returns the comparison in a condition and its SQL operator. Values that are not
// greater are less or equal, or missing, which sorts first.
func boundOf(c persistence.Condition) (operator string, bound persistence.Compare) {
	not, negated := c.(persistence.Not)
	if negated {
		c = not.Condition
	}
	bound, ok := c.(persistence.Compare)
	if negated && bound.Operator == persistence.Greater {
		return " <= ?", bound
	}
	operator, err := comparison(bound.Operator)
	if !ok || negated || err != nil {
		return "", persistence.Compare{}
	}
	return operator, bound
}

// conjuncts returns the conditions that must all hold.
func conjuncts(c persistence.Condition) (all persistence.And) {
	parts, ok := c.(persistence.And)
	if !ok {
		return persistence.And{c}
	}
	for _, part := range parts {
		all = append(all, conjuncts(part)...)
	}
	return all
}

// orderColumns are the indexed columns of an order, except for its maker.
type orderColumns struct {
	collection   int64
	listed, book string
}

func columnsOf(o *markets.Order) orderColumns {
	return orderColumns{collectionHash(o.Token.Collection), sortColumn(o.ListedAt), bookEntry(o)}
}

// listIndexes was added in version 5.
const listIndexes = `
CREATE INDEX activities_time ON activities (time);
CREATE INDEX orders_listed ON orders (listed);
CREATE INDEX orders_book ON orders (collection, book);
`

// addListColumns adds the columns to the tables of an earlier version.
const addListColumns = `
ALTER TABLE activities ADD COLUMN time TEXT NOT NULL DEFAULT '';
UPDATE activities SET time = ifnull(rtrim(doc ->> '$.time', 'Z'), '');
ALTER TABLE orders ADD COLUMN collection INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN listed TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN book TEXT NOT NULL DEFAULT '';
UPDATE orders SET collection = collection_hash(ifnull(doc ->> '$.token.collection', '')), listed = ifnull(rtrim(doc ->> '$.listedAt', 'Z'), '');
UPDATE orders SET book = iif(doc ->> '$.side' = 'ask', 'a', 'b') || ifnull(printf('%02d%s', length(doc ->> '$.unitPrice'), doc ->> '$.unitPrice'), '')
	WHERE doc ->> '$.status' = 'LISTING' AND doc ->> '$.side' IN ('ask', 'bid');
`
