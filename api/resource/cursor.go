package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// maxCursor bounds a cursor, in bytes: it has to fit into a URL.
const maxCursor = 32 << 10

// place is a place in a sorted collection: behind the document with the values of the sort
// keys and the key. Values are operands of filters; nil is a field that is missing or null.
type place struct {
	values []any
	id     string
}

// written is a place as a cursor has it.
type written struct {
	Query  string `json:"q"` // what it belongs to
	Values []any  `json:"v"`
	ID     string `json:"i"`
}

// binding is what a cursor belongs to: in another collection, with another filter or in another
// order it would lead anywhere.
func binding(collection, filter string, sort []persistence.SortKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", collection, filter, fmt.Sprint(sort)))
	return hex.EncodeToString(sum[:8])
}

// cursor is the text of a place; empty if there is none.
func (a asked) cursor(p *place) (string, error) {
	if p == nil {
		return "", nil
	}
	text, err := json.Marshal(written{a.query, p.values, p.id})
	if err != nil {
		return "", err
	}
	cursor := base64.RawURLEncoding.EncodeToString(text)
	if len(cursor) > maxCursor {
		return "", badRequest{"sort: the values of these fields are too long to continue from: sort by others"}
	}
	return cursor, nil
}

var errCursor = badRequest{"cursor: it is not one of this collection with this filter and this sort: send next of the former page with the same parameters, or begin without a cursor"}

// placeOf is the place of a cursor.
func (a asked) placeOf(cursor string) (*place, error) {
	if len(cursor) > maxCursor {
		return nil, errCursor
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, errCursor
	}
	var w written
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&w); err != nil || w.Query != a.query || len(w.Values) != len(a.sort) {
		return nil, errCursor
	}
	p := &place{id: w.ID}
	for i, key := range a.sort {
		value, err := operand(a.of.At(key.Path), w.Values[i])
		if err != nil {
			return nil, errCursor
		}
		p.values = append(p.values, value)
	}
	return p, nil
}

// skeleton is a struct for what of a document a place needs: its key, and the members that the
// sort keys are in. Decoding nothing else takes a fraction of the time.
func (a asked) skeleton() reflect.Type {
	fields := []reflect.StructField{{Name: "ID", Type: reflect.TypeFor[string](), Tag: `json:"_id"`}}
	for i, member := range a.members() {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("Member", i), Type: reflect.TypeFor[any](), Tag: reflect.StructTag(fmt.Sprintf("json:%q", member))})
	}
	return reflect.StructOf(fields)
}

// members are the names of the members that the sort keys are in, without _id.
func (a asked) members() (names []string) {
	for _, key := range a.sort {
		name, _, _ := strings.Cut(key.Path, ".")
		if name != "_id" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// placeAt is the place behind a document, given the skeleton.
func (a asked) placeAt(doc json.RawMessage, skeleton reflect.Type) (place, error) {
	decoded := reflect.New(skeleton)
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(decoded.Interface()); err != nil {
		return place{}, err
	}
	p := place{id: decoded.Elem().Field(0).String()}
	root := map[string]any{"_id": p.id}
	for i, member := range a.members() {
		root[member] = decoded.Elem().Field(i + 1).Interface()
	}
	for _, key := range a.sort {
		value, err := operand(a.of.At(key.Path), reached(root, key.Path))
		if err != nil {
			return place{}, fmt.Errorf("%s of %s %s: %w", key.Path, a.of.Name, p.id, err)
		}
		p.values = append(p.values, value)
	}
	return p, nil
}

// reached is the value at a dotted path; nil if it is missing.
func reached(root map[string]any, path string) any {
	var value any = root
	for name := range strings.SplitSeq(path, ".") {
		within, _ := value.(map[string]any)
		value = within[name]
	}
	return value
}

// operand is a value of JSON as the operand of a filter on a field.
func operand(f documents.Field, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case bool:
		if f.Type == documents.Bool {
			return v, nil
		}
	case json.Number:
		switch f.Type {
		case documents.Int, documents.Long:
			return v.Int64()
		case documents.Double:
			return v.Float64()
		}
	case string:
		switch f.Type {
		case documents.Date:
			at, err := time.Parse(time.RFC3339Nano, v)
			return at.UTC(), err
		case documents.Amount:
			return markets.ParseAmount(v)
		case documents.String:
			return v, nil
		}
	}
	return nil, fmt.Errorf("%v is not of type %s", value, f.Type)
}
