package documents

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
)

// amountPattern is what a markets.Amount looks like: 2^256 has 78 digits.
const amountPattern = "^(0|[1-9][0-9]{0,77})$"

// fields are the fields of a struct's document, as its bson tags have them: those of
// inlined structs among its own, and of those with one name the shallowest.
func fields(t reflect.Type) []Field {
	var out []Field
	var depths []int
	visitFields(t, 0, func(f Field, depth int) {
		switch i := slices.IndexFunc(out, func(o Field) bool { return o.Name == f.Name }); {
		case i < 0:
			out, depths = append(out, f), append(depths, depth)
		case depth < depths[i]:
			out[i], depths[i] = f, depth
		}
	})
	return out
}

// visitFields visits the fields of a struct and of those inlined in it, with how
// deep they are.
func visitFields(t reflect.Type, depth int, visit func(f Field, depth int)) {
	for member := range t.Fields() {
		name, options, _ := strings.Cut(member.Tag.Get("bson"), ",")
		switch {
		case name == "-":
		case strings.Contains(options, "inline"):
			visitFields(member.Type, depth+1, visit)
		case name == "":
			panic(fmt.Sprintf("field %s of %s has no name in its bson tag", member.Name, t))
		default:
			f := typed(member.Type)
			f.Name = name
			f.Required = !strings.Contains(options, "omitempty")
			f.MongoOnly = member.Tag.Get("json") == "-"
			f.Description, f.Enum = description(t, name), enumOf(t, name)
			visit(f, depth)
		}
	}
}

// typed is a field of a Go type, without what its struct says of it.
func typed(t reflect.Type) Field {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[map[string]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[json.RawMessage]():
		return Field{Type: Free}
	case reflect.TypeFor[map[string]int64]():
		return Field{Type: Counts}
	case reflect.TypeFor[time.Time]():
		return Field{Type: Date}
	case reflect.TypeFor[bson.ObjectID]():
		return Field{Type: ObjectID}
	case reflect.TypeFor[markets.Amount]():
		return Field{Type: String, Pattern: amountPattern}
	}
	switch t.Kind() {
	case reflect.String:
		return Field{Type: String}
	case reflect.Bool:
		return Field{Type: Bool}
	case reflect.Int, reflect.Int32:
		return Field{Type: Int}
	case reflect.Int64:
		return Field{Type: Long}
	case reflect.Float64:
		return Field{Type: Double}
	case reflect.Struct:
		return Field{Type: Object, Model: t.Name(), Fields: fields(t)}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Field{Type: BinData}
		}
		f := typed(t.Elem())
		f.List = true
		return f
	}
	panic(fmt.Sprintf("no BSON type for %s", t))
}
