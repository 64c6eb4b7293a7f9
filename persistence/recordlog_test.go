package persistence

import (
	"testing"

	"github.com/imart/event-worker/markets"
)

// Conditions are taken for those of a record's log only if all that they match is in the log.
func TestRecordLogOf(t *testing.T) {
	kind, key, noOrder := Equals("record.type", "gallery"), Equals("record.key", "g"), Not{Condition: Exists{Path: "order"}}
	for name, test := range map[string]struct {
		all  And
		want string
	}{
		"a record's log":      {RecordLog("gallery", "g"), "gallery:g"},
		"in any order":        {And{noOrder, key, kind}, "gallery:g"},
		"beside others":       {append(MarketRef{Chain: "c", Market: "m"}.Documents(), RecordLog("gallery", "g:1")...), "gallery:g:1"},
		"nothing":             {nil, ""},
		"without a key":       {RecordLog("gallery", ""), ""},
		"without a type":      {RecordLog("", "g"), ""},
		"of any key":          {And{kind, noOrder}, ""},
		"of any type":         {And{key, noOrder}, ""},
		"of orders, too":      {And{kind, key}, ""},
		"of orders":           {And{kind, key, Exists{Path: "order"}}, ""},
		"without a maker":     {And{kind, key, Not{Condition: Exists{Path: "maker"}}}, ""},
		"not without orders":  {And{kind, key, Not{Condition: noOrder}}, ""},
		"greater keys":        {And{kind, Compare{Path: "record.key", Operator: GreaterOrEqual, Operand: "g"}, noOrder}, ""},
		"a number as a key":   {And{kind, Is("record.key", int64(7)), noOrder}, ""},
		"either of two":       {And{Or{kind, key}, noOrder}, ""},
		"another field's key": {And{kind, Equals("key", "g"), noOrder}, ""},
	} {
		if got := RecordLogOf(test.all); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	of := markets.Event{Record: &markets.RecordChange{Type: "gallery", Key: "g"}}
	if got := RecordLogOf(RecordLog("gallery", "g")); got != of.Key() {
		t.Errorf("%q, and the log's key of the record is %q", got, of.Key())
	}
}
