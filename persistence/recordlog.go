package persistence

import (
	"slices"

	"github.com/imart/event-worker/markets"
)

// RecordLog matches the activities of a record's log, beside the market's conditions. The stores
// have an index for it.
func RecordLog(kind, key string) And {
	return And{Equals("record.type", kind), Equals("record.key", key), Not{Exists{"order"}}}
}

// RecordLogOf is the key (markets.RecordKey) of the record to whose log conditions restrict
// activities; empty if they do not.
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
	ofNoOrder := func(c Condition) bool {
		not, ok := c.(Not)
		return ok && not.Condition == Condition(Exists{"order"})
	}
	if kind == "" || key == "" || !slices.ContainsFunc(all, ofNoOrder) {
		return ""
	}
	return markets.RecordKey(kind, key)
}
