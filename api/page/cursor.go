package page

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// cursor is a place between two documents in the order of a field and, where that is the
// same, of their keys. The pages of a list are what follows a cursor, so that documents that
// come and go meanwhile neither repeat others nor hide them.
type cursor struct {
	Value any    `json:"v"` // nil if the document does not have the field
	ID    string `json:"id"`
}

// errCursor means that a cursor is not one of this list.
var errCursor = errors.New("this is not a page of this list: go back to the first page")

// parseCursor reads a cursor in the order of a field; nil if the text is empty.
func parseCursor(collection, path, text string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var c cursor
	if err != nil || !json.Valid(raw) || documents.DecodeJSON(raw, &c) != nil {
		return nil, errCursor
	}
	if c.Value, err = operand(documents.Of(collection).Kind(path), c.Value); err != nil {
		return nil, err
	}
	return &c, nil
}

// operand is a value of a JSON document as a filter compares it.
func operand(kind persistence.FieldKind, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
	case string:
		return textOperand(kind, v)
	}
	return nil, errCursor
}

func textOperand(kind persistence.FieldKind, text string) (any, error) {
	switch kind {
	case persistence.AmountField:
		a, err := markets.ParseAmount(text)
		if err != nil {
			return nil, errCursor
		}
		return a, nil
	case persistence.DateField:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, errCursor
		}
		return t, nil
	}
	return text, nil
}

// cursorAt is the cursor behind a document.
func cursorAt(path string, doc json.RawMessage) (string, error) {
	var fields any
	if err := documents.DecodeJSON(doc, &fields); err != nil {
		return "", err
	}
	c := cursor{Value: at(fields, path)}
	c.ID, _ = at(fields, "_id").(string)
	text, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// at is the value at a dotted path; nil if there is none.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// condition matches the documents behind the cursor.
func (c *cursor) condition(key persistence.SortKey) persistence.Condition {
	if c == nil {
		return persistence.And{}
	}
	beyond := persistence.Greater
	if key.Descending {
		beyond = persistence.Less
	}
	same := persistence.And{persistence.Is(key.Path, c.Value), persistence.Compare{Path: "_id", Operator: beyond, Operand: c.ID}}
	out := persistence.Or{same}
	missing := persistence.Is(key.Path, nil) // sorts before all values
	switch {
	case c.Value == nil && !key.Descending:
		out = append(out, persistence.Not{Condition: missing})
	case c.Value != nil:
		out = append(out, persistence.Compare{Path: key.Path, Operator: beyond, Operand: c.Value})
		if key.Descending {
			out = append(out, missing)
		}
	}
	return out
}

// sorted is a query for a page of documents in the order of a field, and one more document
// by which to tell whether there is another page.
func sorted(collection string, filter persistence.Condition, key persistence.SortKey, after *cursor, page int) persistence.Query {
	return persistence.Query{
		Collection: collection,
		Filter:     persistence.Filter{Condition: persistence.And(slices.DeleteFunc([]persistence.Condition{filter, after.condition(key)}, empty))},
		Sort:       []persistence.SortKey{key, {Path: "_id", Descending: key.Descending}},
		Limit:      page + 1,
	}
}

// empty says whether a condition says nothing.
func empty(c persistence.Condition) bool {
	and, ok := c.(persistence.And)
	return c == nil || ok && len(and) == 0
}
