package embedded

import (
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// withStream are the collections whose rows have their stream.
var withStream = []string{persistence.Activities, persistence.DeadLetters, persistence.Notifications}

// nameRef stands for the number of a name: a chain, a market in it, and a name in the
// market. It is resolved when the query runs.
type nameRef []string

// find returns the number; 0, which no row has, if the name is not known.
func (r nameRef) find(conn *sqlite.Conn) (id int64, err error) {
	for _, part := range r {
		if id, err = (names{}).find(conn, name{id, part}); id == 0 || err != nil {
			return 0, err
		}
	}
	return id, nil
}

// narrow restricts a query to the rows that an index finds, if the filter allows it: those
// of a key, of a name, or of a market. The filter's conditions are still tested.
func (s *selection) narrow(all persistence.And) {
	if id := named(all, "_id"); id != "" && s.collection == persistence.DeadLetters {
		s.sql.add("letter = ? AND ", id)
		return
	} else if id != "" && s.keyed() {
		s.sql.add("id = ? AND ", id)
		return
	}
	of, column := s.narrowest(all)
	if column == "" || slices.Contains(of, "") {
		return
	}
	s.sql.add(column+" = ? AND ", of)
	if column == "stream" {
		s.boundSeq(all)
	}
}

// narrowest returns the narrowest restriction that a filter allows: to an order or record,
// a stream, the log of an order or record, or the bulk cancels of a market.
func (s *selection) narrowest(all persistence.And) (of nameRef, column string) {
	chain, market, id := named(all, "chain"), named(all, "market"), named(all, "_id")
	switch {
	case id != "" && (s.collection == persistence.Orders || s.collection == persistence.Records):
		return strings.SplitN(id, "/", 3), "id" // names of chains and markets have no slashes
	case s.collection == persistence.Orders:
		return nameRef{chain, market, named(all, "key")}, "id"
	case slices.Contains(withStream, s.collection) && named(all, "stream") != "":
		return nameRef{chain, market, named(all, "stream")}, "stream"
	case s.collection != persistence.Activities:
		return nil, ""
	case named(all, "order") == "" && named(all, "kind") == string(markets.OrdersCancelled):
		return nameRef{chain, market}, "bulk"
	case persistence.RecordLogOf(all) != "":
		return nameRef{chain, market, persistence.RecordLogOf(all)}, "key"
	}
	return nameRef{chain, market, named(all, "order")}, "key"
}

// boundSeq adds the filter's bounds of seq.
func (s *selection) boundSeq(all persistence.And) {
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

// named returns the text that a field must equal; empty if the filter does not require one.
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
