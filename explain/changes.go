package explain

import (
	"bytes"
	"encoding/json"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// Fields are those of an order's document, by name.
type Fields map[string]json.RawMessage

// FieldsOf are the fields of an order.
func FieldsOf(o markets.Order) (Fields, error) { return fieldsOf(o) }

func fieldsOf(doc any) (Fields, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var f Fields
	return f, json.Unmarshal(text, &f)
}

// Apply makes changes.
func (f Fields) Apply(changes []Change) {
	for _, c := range changes {
		if c.To == nil {
			delete(f, c.Field)
		} else {
			f[c.Field] = c.To
		}
	}
}

// Order is the order with the fields.
func (f Fields) Order() (o markets.Order, err error) {
	text, err := json.Marshal(f)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(text, &o)
}

// differences are the changes that lead from some fields to others, in the documents' order.
func differences(collection string, from, to Fields) (changes []Change) {
	for _, f := range documents.Of(collection).Fields {
		if !bytes.Equal(from[f.Name], to[f.Name]) {
			changes = append(changes, Change{Field: f.Name, From: from[f.Name], To: to[f.Name]})
		}
	}
	return changes
}
