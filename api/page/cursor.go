package page

import (
	"context"
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

// pager reads the documents of a collection that match, in the order of a field and, where that
// is the same, of their keys. No query sorts by both: no index has both, and a store would sort
// everything that matches for each page.
type pager struct {
	docs       persistence.Querier
	collection string
	filter     persistence.Condition
	key        persistence.SortKey
}

// page returns the documents behind a cursor, or the first ones, and at most so many.
func (p pager) page(ctx context.Context, after *cursor, most int) ([]json.RawMessage, error) {
	var out []json.RawMessage
	beyond := persistence.Condition(persistence.And{})
	if after != nil {
		var err error
		if out, err = p.same(ctx, after.Value, persistence.Compare{Path: "_id", Operator: p.operator(), Operand: after.ID}, most); err != nil {
			return nil, err
		}
		beyond = p.beyond(after.Value)
	}
	wanted := most - len(out)
	if wanted == 0 || beyond == nil {
		return out, nil
	}
	found, err := p.read(ctx, persistence.And{p.filter, beyond}, p.key, wanted)
	if err != nil {
		return nil, err
	}
	whole, last, err := p.ordered(found)
	if err != nil || len(found) < wanted || len(found) == 0 {
		return append(out, whole...), err
	}
	// Of the documents with the last value some were left out, whichever the store has.
	cut := last.first
	rest, err := p.same(ctx, last.value, persistence.And{}, wanted-cut)
	return append(append(out, whole[:cut]...), rest...), err
}

// same are the documents with one value of the field that meet a condition, in the order of
// their keys.
func (p pager) same(ctx context.Context, value any, where persistence.Condition, most int) ([]json.RawMessage, error) {
	byID := persistence.SortKey{Path: "_id", Descending: p.key.Descending}
	return p.read(ctx, persistence.And{p.filter, persistence.Is(p.key.Path, value), where}, byID, most)
}

func (p pager) read(ctx context.Context, where persistence.And, by persistence.SortKey, most int) (out []json.RawMessage, err error) {
	where = slices.DeleteFunc(where, empty)
	query := persistence.Query{Collection: p.collection, Filter: persistence.Filter{Condition: where}, Sort: []persistence.SortKey{by}, Limit: most}
	for doc, err := range p.docs.Query(ctx, query) {
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}

// run are the documents in a row with one value of the field.
type run struct {
	first int
	value any
}

// ordered sorts documents that are in the order of the field by their keys within each value,
// and returns the last run of one value.
func (p pager) ordered(docs []json.RawMessage) ([]json.RawMessage, run, error) {
	cursors := make([]cursor, len(docs))
	for i, doc := range docs {
		text, err := cursorAt(p.key.Path, doc)
		if err != nil {
			return nil, run{}, err
		}
		c, err := parseCursor(p.collection, p.key.Path, text)
		if err != nil {
			return nil, run{}, err
		}
		cursors[i] = *c
	}
	var last run
	places := make([]int, len(docs))
	for i := range docs {
		places[i] = i
		if i > 0 && !equal(cursors[i].Value, cursors[last.first].Value) {
			p.sort(places[last.first:i], cursors)
			last.first = i
		}
	}
	out := make([]json.RawMessage, len(docs))
	if len(docs) > 0 {
		p.sort(places[last.first:], cursors)
		last.value = cursors[last.first].Value
	}
	for i, place := range places {
		out[i] = docs[place]
	}
	return out, last, nil
}

// sort sorts places of documents by their keys.
func (p pager) sort(places []int, cursors []cursor) {
	slices.SortFunc(places, func(a, b int) int {
		order := strings.Compare(cursors[a].ID, cursors[b].ID)
		if p.key.Descending {
			return -order
		}
		return order
	})
}

// equal says whether two operands are the same.
func equal(a, b any) bool {
	if t, ok := a.(time.Time); ok {
		u, ok := b.(time.Time)
		return ok && t.Equal(u)
	}
	return a == b
}

func (p pager) operator() persistence.Operator {
	if p.key.Descending {
		return persistence.Less
	}
	return persistence.Greater
}

// beyond matches the documents behind all that have a value, nil if there are none. Those
// without the field sort before all others.
func (p pager) beyond(value any) persistence.Condition {
	missing := persistence.Is(p.key.Path, nil)
	switch {
	case value == nil && p.key.Descending:
		return nil
	case value == nil:
		return persistence.Not{Condition: missing}
	}
	behind := persistence.Compare{Path: p.key.Path, Operator: p.operator(), Operand: value}
	if p.key.Descending {
		return persistence.Or{behind, missing}
	}
	return behind
}

// empty says whether a condition says nothing.
func empty(c persistence.Condition) bool {
	and, ok := c.(persistence.And)
	return c == nil || ok && len(and) == 0
}
