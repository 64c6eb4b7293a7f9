package markets

import (
	"maps"
	"math/big"
	"slices"
	"time"
)

// Record is the current state of something that a market has beside its orders: a gallery,
// an exhibit, a lottery… It is folded from the log as orders are.
type Record struct {
	Chain     string         `json:"chain" bson:"chain"`
	Market    string         `json:"market" bson:"market"`
	Type      string         `json:"type" bson:"type"`
	Key       string         `json:"key" bson:"key"` // within its market and type
	Fields    map[string]any `json:"fields,omitempty" bson:"fields,omitempty"`
	Removed   bool           `json:"removed,omitempty" bson:"removed,omitempty"`
	CreatedAt time.Time      `json:"createdAt" bson:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt" bson:"updatedAt"`
	Last      Position       `json:"last" bson:"last"`
}

// ID is the record's key in the store.
func (r Record) ID() string { return r.Chain + "/" + r.Market + "/" + RecordKey(r.Type, r.Key) }

// The record of a token of Aptos, and the field of it that names the token's owner.
const (
	TokenRecord = "token" // its key is Token.ID
	OwnerField  = "owner"
)

// Apply applies the next event by position to the record.
func (r *Record) Apply(e Event) {
	if r.Fields == nil || r.Removed {
		r.Fields, r.CreatedAt = map[string]any{}, e.Time
	} else {
		r.Fields = maps.Clone(r.Fields)
	}
	maps.Copy(r.Fields, e.Record.Fields)
	for name, text := range e.Record.Add {
		r.Fields[name] = sum(r.Fields[name], text)
	}
	r.Removed = e.Kind == RecordRemoved
	r.UpdatedAt, r.Last = e.Time, e.Position
}

// FoldRecord is the record that events, in order of position, make. It returns false if
// none of them is of a record.
func FoldRecord(chain, market string, events []Event) (Record, bool) {
	events = slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Record == nil }) // a token can have the same key
	if len(events) == 0 {
		return Record{}, false
	}
	change := events[0].Record
	r := Record{Chain: chain, Market: market, Type: change.Type, Key: change.Key}
	for _, e := range events {
		r.Apply(e)
	}
	return r, true
}

// sum is a field's value plus a number, both decimal strings; what is not an integer
// counts as 0.
func sum(value any, addend string) string {
	total := new(big.Int)
	if text, ok := value.(string); ok {
		if _, ok := total.SetString(text, 10); !ok {
			total.SetInt64(0)
		}
	}
	if n, ok := new(big.Int).SetString(addend, 10); ok {
		total.Add(total, n)
	}
	return total.String()
}
