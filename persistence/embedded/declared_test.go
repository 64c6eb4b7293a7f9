package embedded

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
)

// The encoder writes the declared fields, in their order and form: all fields of a
// complete document, and the required fields of an empty one.
func TestTheEncoderWritesWhatIsDeclared(t *testing.T) {
	order, activity := &markets.Order{}, &markets.Activity{}
	for _, of := range []struct {
		collection string
		value      any
		encode     func(e *encoder)
	}{
		{persistence.Orders, order, func(e *encoder) { e.order(order) }},
		{persistence.Activities, activity, func(e *encoder) { e.activity(activity) }},
	} {
		t.Run(of.collection, func(t *testing.T) {
			var empty, whole encoder
			of.encode(&empty)
			complete(t, reflect.ValueOf(of.value).Elem())
			of.encode(&whole)
			if empty.err != nil || whole.err != nil {
				t.Fatal(empty.err, whole.err)
			}
			declared := stored(of.collection)
			asDeclared(t, of.collection, whole.buf, declared)
			required := slices.DeleteFunc(slices.Clone(declared), func(f documents.Field) bool { return !f.Required })
			asDeclared(t, "an empty document of "+of.collection, empty.buf, required)
		})
	}
}

// stored returns the declared fields of a collection that are in the stored JSON, which
// has no key.
func stored(collection string) []documents.Field {
	return slices.DeleteFunc(documents.Of(collection).Shown(), func(f documents.Field) bool {
		return f.Name == "_id" || f.Name == finality.Field
	})
}

// complete sets every field of a value to a non-zero value.
func complete(t *testing.T, v reflect.Value) {
	t.Helper()
	switch into := v.Addr().Interface().(type) {
	case *json.RawMessage:
		*into = json.RawMessage(`{"data":"0x"}`)
		return
	case *time.Time:
		*into = time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
		return
	case *map[string]any:
		*into = map[string]any{"name": 1}
		return
	case *map[string]string:
		*into = map[string]string{"name": "1"}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			complete(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		complete(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			complete(t, v.Index(i))
		}
	case reflect.String:
		v.SetString("7")
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no %s", v.Type())
	}
}

// asDeclared expects an object's members to be the fields.
func asDeclared(t *testing.T, path string, object []byte, fields []documents.Field) {
	t.Helper()
	names, values := membersOf(t, object)
	var declared []string
	for _, f := range fields {
		declared = append(declared, f.Name)
	}
	if !slices.Equal(names, declared) {
		t.Errorf("%s is written as\n%s\nand declared as\n%s", path, strings.Join(names, " "), strings.Join(declared, " "))
		return
	}
	for i, f := range fields {
		formed(t, path+"."+f.Name, values[i], f)
	}
}

// formed expects a value to have the form of its field.
func formed(t *testing.T, path string, value json.RawMessage, f documents.Field) {
	t.Helper()
	if f.List {
		var elements []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil || len(elements) == 0 {
			t.Errorf("%s is not a list: %s", path, value)
		}
		f.List = false
		for _, e := range elements {
			formed(t, path, e, f)
		}
		return
	}
	if f.Type == documents.Object {
		asDeclared(t, path, value, f.Fields)
		return
	}
	into := map[documents.Type]any{
		documents.String: new(string), documents.Amount: new(string), documents.Date: new(time.Time), documents.Int: new(int32),
		documents.Long: new(int64), documents.Bool: new(bool), documents.Free: new(map[string]any),
	}[f.Type]
	if into == nil || json.Unmarshal(value, into) != nil {
		t.Errorf("%s is declared a %s and written as %s", path, f.Type, value)
	}
}

// membersOf returns an object's members in order.
func membersOf(t *testing.T, object []byte) (names []string, values []json.RawMessage) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		t.Fatalf("not an object: %s (%v)", object, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		names, values = append(names, name.(string)), append(values, value)
	}
	return names, values
}
