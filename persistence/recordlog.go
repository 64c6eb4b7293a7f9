package persistence

import (
	"slices"

	"github.com/imart/event-worker/markets"
)

// RecordLog matches the activities of a record, within a market. The stores have an index
// for it.
func RecordLog(kind, key string) And {
	return And{Equals("record.type", kind), Equals("record.key", key), Not{Exists{"order"}}}
}

// RecordLogOf returns the key (markets.RecordKey) of the record to whose log the conditions
// restrict activities; empty if they do not.
func RecordLogOf(all And) string {
	var kind, key string
	for _, c := range all {
		if is, ok := c.(Compare); ok && is.Operator == Equal {
			text, _ := is.Operand.(string)
			switch is.Path {
			case "record.type":
				kind = text
			case "record.key":
				key = text
			}
		}
	}
	withoutOrder := func(c Condition) bool {
		not, ok := c.(Not)
		return ok && not.Condition == Condition(Exists{"order"})
	}
	if kind == "" || key == "" || !slices.ContainsFunc(all, withoutOrder) {
		return ""
	}
	return markets.RecordKey(kind, key)
}
