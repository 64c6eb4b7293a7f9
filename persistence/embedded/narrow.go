package embedded

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// narrow returns SQL that restricts a query by an index, followed by AND, to rows among which
// are all that match its filter; empty if the filter is none of those that it knows:
//
//	an order     {_id: …}, {chain: …, market: …, key: …}
//	its log      {chain: …, market: …, order: …}
//	bulk cancels {chain: …, market: …, kind: "orders_cancelled"}
//
// and more conditions beside them. All other queries read every document of a collection.
func (s *selection) narrow(conn *sqlite.Conn) (string, error) {
	equals := equalities(s.filter)
	chain, market, key, column := equals["chain"], equals["market"], "", ""
	switch id := strings.SplitN(equals["_id"], "/", 3); {
	case s.collection == persistence.Orders && len(id) == 3:
		chain, market, key, column = id[0], id[1], id[2], "id"
	case s.collection == persistence.Orders:
		key, column = equals["key"], "id"
	case s.collection != persistence.Activities:
		return "", nil
	case equals["order"] != "":
		key, column = equals["order"], "key"
	case equals["kind"] == string(markets.OrdersCancelled):
		column = "bulk"
	}
	path := []string{chain, market, key}
	if column == "bulk" {
		path = path[:2]
	}
	parent, known := int64(0), names{}
	for _, part := range path {
		if part == "" {
			return "", nil
		}
		var err error
		if parent, err = known.find(conn, name{parent, part}); err != nil {
			return "", err
		}
		if parent == 0 { // there are no documents with the name
			return "0 AND ", nil
		}
	}
	return fmt.Sprintf("%s = %d AND ", column, parent), nil
}

// equalities are the strings that a condition wants fields to equal, by path.
func equalities(c persistence.Condition) map[string]string {
	all, ok := c.(persistence.And)
	if !ok {
		all = persistence.And{c}
	}
	equals := map[string]string{}
	for _, part := range all {
		compare, ok := part.(persistence.Compare)
		if text, is := compare.Operand.(string); ok && is && compare.Operator == persistence.Equal {
			equals[compare.Path] = text
		}
	}
	return equals
}
