package explain

import (
	"bytes"
	"encoding/json"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// Fields are the fields of an order's document in JSON, by name.
type Fields map[string]json.RawMessage

// FieldsOf returns the fields of an order.
func FieldsOf(o markets.Order) (Fields, error) { return fieldsOf(o) }

func fieldsOf(doc any) (Fields, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var f Fields
	return f, json.Unmarshal(text, &f)
}

// Apply applies changes to f.
func (f Fields) Apply(changes []Change) {
	for _, c := range changes {
		if c.To == nil {
			delete(f, c.Field)
		} else {
			f[c.Field] = c.To
		}
	}
}

// Order decodes the fields into an order.
func (f Fields) Order() (o markets.Order, err error) {
	text, err := json.Marshal(f)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(text, &o)
}

// differences returns the changes that turn from into to, in the order in which the
// collection declares its fields.
func differences(collection string, from, to Fields) (changes []Change) {
	for _, f := range documents.Of(collection).Fields {
		if !bytes.Equal(from[f.Name], to[f.Name]) {
			changes = append(changes, Change{Field: f.Name, From: from[f.Name], To: to[f.Name]})
		}
	}
	return changes
}
