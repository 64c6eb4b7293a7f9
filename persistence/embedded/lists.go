package embedded

import (
	"math"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Frequent lists are read by an index: the newest orders and activities in its order, and
// the orders of a token collection, or of a maker on a market, without reading others. The
// filter's conditions are still tested.

// sortedBy has the field by which lists of a collection are sorted, and its column.
var sortedBy = map[string]struct{ path, column string }{
	persistence.Orders:     {"listedAt", "listed"},
	persistence.Activities: {"time", "time"},
}

// collectionPath is the field whose hash is in the column collection.
const collectionPath = "token.collection"

// collectionHash returns the index entry of a collection. Its 31 bits take a tenth of the
// text's space; collections with equal hashes are told apart by the filter's condition.
func collectionHash(collection string) int64 {
	if collection == "" {
		return 0
	}
	return name{0, collection}.hash() & math.MaxInt32
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
		s.among("collection", spellings(all, collectionPath), func(text string) any { return collectionHash(text) })
	}
	chain, market := named(all, "chain"), named(all, "market")
	if s.collection == persistence.Orders && chain != "" && market != "" {
		s.among("maker", spellings(all, "maker"), func(text string) any { return nameRef{chain, market, markets.MakerKey(text)} })
	}
	for _, c := range all {
		operator, bound := boundOf(c)
		if at, ok := bound.Operand.(time.Time); ok && bound.Path == of.path {
			s.sql.add(of.column+operator+" AND ", timeOperand(at))
		}
	}
}

// among restricts a column to the values of some texts, unless there are none.
func (s *selection) among(column string, texts []string, value func(text string) any) {
	if len(texts) == 0 {
		return
	}
	s.sql.add(column + " IN (?" + strings.Repeat(", ?", len(texts)-1) + ") AND ")
	for _, text := range texts {
		s.sql.args = append(s.sql.args, value(text))
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
	collection int64
	listed     string
}

func columnsOf(o *markets.Order) orderColumns {
	return orderColumns{collectionHash(o.Token.Collection), sortColumn(o.ListedAt)}
}

// listIndexes was added in version 5.
const listIndexes = `
CREATE INDEX activities_time ON activities (time);
CREATE INDEX orders_listed ON orders (listed);
CREATE INDEX orders_collection ON orders (collection);
`

// addListColumns adds the columns to the tables of an earlier version.
const addListColumns = `
ALTER TABLE activities ADD COLUMN time TEXT NOT NULL DEFAULT '';
UPDATE activities SET time = ifnull(rtrim(doc ->> '$.time', 'Z'), '');
ALTER TABLE orders ADD COLUMN collection INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN listed TEXT NOT NULL DEFAULT '';
UPDATE orders SET collection = collection_hash(ifnull(doc ->> '$.token.collection', '')), listed = ifnull(rtrim(doc ->> '$.listedAt', 'Z'), '');
`
