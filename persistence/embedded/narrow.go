package embedded

import (
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// byStream are the collections whose rows have their stream.
var byStream = []string{persistence.Activities, persistence.DeadLetters, persistence.Notifications}

// narrowing restricts a query to the rows that an index finds: those of a name, which is within
// a market's, or of a market. The filter's conditions are tested all the same.
type narrowing []string

// narrow adds the restriction that the filter allows, if there is one.
func (s *selection) narrow(all persistence.And) {
	path, column := s.narrowest(all)
	if column == "" || slices.Contains(path, "") {
		return
	}
	s.narrowing = path
	s.sql.add(column+" = ? AND ", int64(0)) // the first argument, which run sets
	if column == "stream" {
		s.bounds(all)
	}
}

// narrowest is the restriction of a filter for a stream, an order by its _id or key, an order's
// log, or a market's bulk cancels.
func (s *selection) narrowest(all persistence.And) (path narrowing, column string) {
	chain, market := named(all, "chain"), named(all, "market")
	switch id := strings.SplitN(named(all, "_id"), "/", 3); {
	case s.collection == persistence.Orders && len(id) == 3:
		return id, "id"
	case s.collection == persistence.Orders:
		return narrowing{chain, market, named(all, "key")}, "id"
	case slices.Contains(byStream, s.collection) && named(all, "stream") != "":
		return narrowing{chain, market, named(all, "stream")}, "stream"
	case s.collection != persistence.Activities:
		return nil, ""
	case named(all, "order") == "" && named(all, "kind") == string(markets.OrdersCancelled):
		return narrowing{chain, market}, "bulk"
	case persistence.RecordLogOf(all) != "":
		return narrowing{chain, market, persistence.RecordLogOf(all)}, "key"
	}
	return narrowing{chain, market, named(all, "order")}, "key"
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
func (n narrowing) resolve(conn *sqlite.Conn) (id int64, err error) {
	for _, part := range n {
		if id, err = (names{}).find(conn, name{id, part}); id == 0 || err != nil {
			return id, err
		}
	}
	return id, nil
}
