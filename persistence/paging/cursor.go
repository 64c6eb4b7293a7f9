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

// maxCursor bounds a cursor, in bytes: it must fit into a URL.
const maxCursor = 32 << 10

// Place is a place in a sorted collection, after the document with these values of the sort
// keys and this _id. Values are operands of filters; nil means missing or null.
type Place struct {
	values []any
	id     string
}

// encoded is the JSON form of a place in a cursor.
type encoded struct {
	Query  string `json:"q"` // the binding of its list
	Values []any  `json:"v"`
	ID     string `json:"i"`
}

// Binding returns a digest of the collection, filter and order that a cursor is valid for.
func Binding(collection, filter string, sort []persistence.SortKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", collection, filter, fmt.Sprint(sort)))
	return hex.EncodeToString(sum[:8])
}

// Cursor returns the text of a place; empty for nil. The error is ErrTooLong for values that
// do not fit into a cursor.
func (l List) Cursor(p *Place) (string, error) {
	if p == nil {
		return "", nil
	}
	text, err := json.Marshal(encoded{l.Binding, p.values, p.id})
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
	ErrCursor  = errors.New("the cursor does not belong to this list")
	ErrTooLong = errors.New("sort: the values of these fields are too long for a cursor: sort by other fields")
)

// Place returns the place of a cursor; nil if the text is empty. The error is ErrCursor unless
// the cursor was made for this list.
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
	var e encoded
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&e); err != nil || e.Query != l.Binding || len(e.Values) != len(l.Sort) {
		return nil, ErrCursor
	}
	p := &Place{id: e.ID}
	for i, key := range l.Sort {
		value, err := operand(l.Of.At(key.Path), e.Values[i])
		if err != nil {
			return nil, ErrCursor
		}
		p.values = append(p.values, value)
	}
	return p, nil
}

// skeleton returns a struct type for the part of a document that a place needs: its _id, and
// the members with the sort keys. Decoding only these takes a fraction of the time.
func (l List) skeleton() reflect.Type {
	fields := []reflect.StructField{{Name: "ID", Type: reflect.TypeFor[string](), Tag: `json:"_id"`}}
	for i, member := range l.members() {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("Member", i), Type: reflect.TypeFor[any](), Tag: reflect.StructTag(fmt.Sprintf("json:%q", member))})
	}
	return reflect.StructOf(fields)
}

// members returns the names of the top-level members with the sort keys, without _id.
func (l List) members() (names []string) {
	for _, key := range l.Sort {
		name, _, _ := strings.Cut(key.Path, ".")
		if name != "_id" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// placeAt returns the place after a document, given the skeleton.
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
		value, err := operand(l.Of.At(key.Path), valueAt(root, key.Path))
		if err != nil {
			return Place{}, fmt.Errorf("%s of %s %s: %w", key.Path, l.Of.Name, p.id, err)
		}
		p.values = append(p.values, value)
	}
	return p, nil
}

// valueAt returns the value at a dotted path; nil if it is missing.
func valueAt(root map[string]any, path string) any {
	var value any = root
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// operand converts a JSON value to the operand of a filter on a field.
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
