package embedded

import (
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// A query for one key reads one row where the table has an index that finds it, instead of all
// rows.

// Names of chains and markets have no slashes: what is behind the second one is the name.

// rowOf is the number of the row of a key, found when the query runs: the number of the name
// that is behind the chain and the market.
type rowOf struct{ key string }

// onlyRow appends the condition that a document is in the row of a key, if only that one can
// match the filter and an index finds it.
func (s *selection) onlyRow(c persistence.Condition) {
	key, ok := onlyKey(c)
	switch {
	case !ok:
	case s.collection == persistence.Orders || s.collection == persistence.Records:
		s.sql.add("id = ? AND ", rowOf{key})
	case s.collection == persistence.DeadLetters:
		s.sql.add("letter = ? AND ", key)
	case s.keyed():
		s.sql.add("id = ? AND ", key)
	}
}

// onlyKey is the key that a document must have to match.
func onlyKey(c persistence.Condition) (key string, ok bool) {
	switch c := c.(type) {
	case persistence.And:
		for _, part := range c {
			if key, ok := onlyKey(part); ok {
				return key, true
			}
		}
	case persistence.Compare:
		key, ok = c.Operand.(string)
		return key, ok && c.Path == "_id" && c.Operator == persistence.Equal
	}
	return "", false
}

// find returns the number of the row; 0, which no row has, if there is none.
func (r rowOf) find(conn *sqlite.Conn) (id int64, err error) {
	known := names{}
	for _, part := range strings.SplitN(r.key, "/", 3) {
		if id, err = known.find(conn, name{id, part}); id == 0 || err != nil {
			return 0, err
		}
	}
	return id, nil
}
