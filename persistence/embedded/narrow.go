package embedded

import (
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// The columns by which a query can find its documents without reading all of them.
var (
	byStream = []string{persistence.Activities, persistence.DeadLetters, persistence.Notifications}
	byKey    = []string{persistence.Activities}
)

// narrowing restricts a query to the rows that an index finds. The filter's conditions are
// tested all the same.
type narrowing struct {
	chain, market, name string // the name within the market, of a stream or an order
}

// narrow adds a restriction to rows of a stream, or else of an order, if the filter names one.
func (s *selection) narrow(c persistence.Condition) {
	all, ok := c.(persistence.And)
	if !ok {
		return
	}
	n := &narrowing{named(all, "chain"), named(all, "market"), named(all, "stream")}
	column := "stream"
	if !slices.Contains(byStream, s.collection) || n.name == "" {
		n.name, column = named(all, "order"), "key"
		if !slices.Contains(byKey, s.collection) {
			return
		}
	}
	if n.chain == "" || n.market == "" || n.name == "" {
		return
	}
	s.narrowing = n
	s.sql.add(column+" = ? AND ", int64(0)) // the first argument, which run sets
	if column == "stream" {
		s.bounds(all)
	}
}

// bounds adds the filter's bounds of seq.
func (s *selection) bounds(all persistence.And) {
	for _, c := range all {
		bound, ok := c.(persistence.Compare)
		seq, whole := bound.Operand.(int64)
		if !ok || !whole || bound.Path != "seq" {
			continue
		}
		if operator, err := comparison(bound.Operator); err == nil {
			s.sql.add("seq"+operator+" AND ", seq)
		}
	}
}

// named is the text that a field must equal; empty if the filter leaves it open.
func named(all persistence.And, path string) string {
	for _, c := range all {
		if is, ok := c.(persistence.Compare); ok && is.Path == path && is.Operator == persistence.Equal {
			if text, ok := is.Operand.(string); ok {
				return text
			}
		}
	}
	return ""
}

// resolve finds the number of the name; a name that is not known has no rows.
func (n *narrowing) resolve(conn *sqlite.Conn) (id int64, err error) {
	for _, part := range []string{n.chain, n.market, n.name} {
		if id, err = (names{}).find(conn, name{id, part}); id == 0 || err != nil {
			return id, err
		}
	}
	return id, nil
}
