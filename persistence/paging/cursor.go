package paging

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// Place is a place in a sorted collection: behind the document with the values of the sort
// keys and the key. Values are operands of filters; nil is a field that is missing or null.
type Place struct {
	values []any
	id     string
}

// written is a place as a cursor has it.
type written struct {
	Query  string `json:"q"` // what it belongs to
	Values []any  `json:"v"`
	ID     string `json:"i"`
}

// Binding is what a cursor belongs to: in another collection, with another filter or in another
// order it would lead anywhere.
func Binding(collection, filter string, sort []persistence.SortKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", collection, filter, fmt.Sprint(sort)))
	return hex.EncodeToString(sum[:8])
}

// Cursor is the text of a place; empty if there is none.
func (l List) Cursor(p *Place) (string, error) {
	if p == nil {
		return "", nil
	}
	text, err := json.Marshal(written{l.Binding, p.values, p.id})
	if err != nil {
		return "", err
	}
	cursor := base64.RawURLEncoding.EncodeToString(text)
	if len(cursor) > maxCursor {
		return "", ErrTooLong
	}
	return cursor, nil
}

// The errors of cursors.
var (
	ErrCursor  = errors.New("the cursor is not one of this list")
	ErrTooLong = errors.New("sort: the values of these fields are too long to continue from: sort by others")
)

// Place is the place of a cursor; nil if the text is empty.
func (l List) Place(cursor string) (*Place, error) {
	if cursor == "" {
		return nil, nil
	}
	if len(cursor) > maxCursor {
		return nil, ErrCursor
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, ErrCursor
	}
	var w written
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&w); err != nil || w.Query != l.Binding || len(w.Values) != len(l.Sort) {
		return nil, ErrCursor
	}
	p := &Place{id: w.ID}
	for i, key := range l.Sort {
		value, err := operand(l.Of.At(key.Path), w.Values[i])
		if err != nil {
			return nil, ErrCursor
		}
		p.values = append(p.values, value)
	}
	return p, nil
}

// skeleton is a struct for what of a document a place needs: its key, and the members that the
// sort keys are in. Decoding nothing else takes a fraction of the time.
func (l List) skeleton() reflect.Type {
	fields := []reflect.StructField{{Name: "ID", Type: reflect.TypeFor[string](), Tag: `json:"_id"`}}
	for i, member := range l.members() {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("Member", i), Type: reflect.TypeFor[any](), Tag: reflect.StructTag(fmt.Sprintf("json:%q", member))})
	}
	return reflect.StructOf(fields)
}

// members are the names of the members that the sort keys are in, without _id.
func (l List) members() (names []string) {
	for _, key := range l.Sort {
		name, _, _ := strings.Cut(key.Path, ".")
		if name != "_id" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// placeAt is the place behind a document, given the skeleton.
func (l List) placeAt(doc json.RawMessage, skeleton reflect.Type) (Place, error) {
	decoded := reflect.New(skeleton)
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(decoded.Interface()); err != nil {
		return Place{}, err
	}
	p := Place{id: decoded.Elem().Field(0).String()}
	root := map[string]any{"_id": p.id}
	for i, member := range l.members() {
		root[member] = decoded.Elem().Field(i + 1).Interface()
	}
	for _, key := range l.Sort {
		value, err := operand(l.Of.At(key.Path), reached(root, key.Path))
		if err != nil {
			return Place{}, fmt.Errorf("%s of %s %s: %w", key.Path, l.Of.Name, p.id, err)
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
