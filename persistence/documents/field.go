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

// Field is a field of a document, or of a document within one.
type Field struct {
	Name        string
	Description string
	Type        Type
	List        bool // a list of the type
	Required    bool
	MongoOnly   bool   // not in the document's JSON form
	SortForm    string // of an Amount, the field beside it with its SortForm; "" if there is none
	Enum        *Enum  // of a String, its values; nil if any
	Form        Form   // of a String, the form of its texts
	Model       string // of an Object, the name of its type
	Fields      []Field
	index       []int // in the Go struct
}

// Enum is a set of strings.
type Enum struct {
	Name   string
	Values []string
}

// Type is the type of a field. Except for Amount, Counts, AnyID and Free it is named as
// BSON's.
type Type string

// The types of fields.
const (
	String   Type = "string"
	Int      Type = "int"
	Long     Type = "long"
	Double   Type = "double"
	Bool     Type = "bool"
	Date     Type = "date"
	BinData  Type = "binData"
	ObjectID Type = "objectId"
	Object   Type = "object" // a document that we define
	Amount   Type = "amount" // a string: a markets.Amount
	Counts   Type = "counts" // a document of counts, by names that we do not define
	AnyID    Type = "anyID"  // a DocumentID: any BSON value
	Free     Type = "free"   // JSON that we do not define, stored by Registry
)

// amountPattern is what an Amount looks like: 2^256 has 78 digits.
const amountPattern = "^(0|[1-9][0-9]{0,77})$"

// fieldsOf are the fields of a struct's document by its bson tags: those of inlined
// structs among its own; of several with the same name the shallowest. own are the
// lines that come before those of parts and everywhere.
func fieldsOf(t reflect.Type, own lines) []Field {
	var out []Field
	visitMembers(t, nil, func(member reflect.StructField, within reflect.Type) {
		f := fieldOf(member, within, own)
		switch i := slices.IndexFunc(out, func(o Field) bool { return o.Name == f.Name }); {
		case i < 0:
			out = append(out, f)
		case len(f.index) < len(out[i].index):
			out[i] = f
		}
	})
	for _, form := range out {
		for i, f := range out {
			if form.Type == BinData && form.Name == f.Name+"Sort" {
				out[i].SortForm = form.Name
			}
		}
	}
	return out
}

// visitMembers visits the members of a struct and of its inlined structs that become
// fields, each with its index from the outermost struct and its own struct.
func visitMembers(t reflect.Type, at []int, visit func(member reflect.StructField, within reflect.Type)) {
	for member := range t.Fields() {
		member.Index = append(slices.Clone(at), member.Index...)
		switch name, options, _ := strings.Cut(member.Tag.Get("bson"), ","); {
		case name == "-":
		case strings.Contains(options, "inline"):
			visitMembers(member.Type, member.Index, visit)
		default:
			visit(member, t)
		}
	}
}

// fieldOf is the field that a member of a struct becomes.
func fieldOf(member reflect.StructField, within reflect.Type, own lines) Field {
	name, options, _ := strings.Cut(member.Tag.Get("bson"), ",")
	inJSON, _, _ := strings.Cut(member.Tag.Get("json"), ",")
	if name == "" || inJSON != name && inJSON != "-" {
		panic(fmt.Sprintf("field %s of %s is %q in BSON and %q in JSON", member.Name, within, name, inJSON))
	}
	f := typed(member.Type)
	f.Name, f.index = name, member.Index
	f.Required = !strings.Contains(options, "omitempty")
	f.MongoOnly = inJSON == "-"
	of := lineOf(name, within, own)
	f.Description, f.Enum, f.Form = of.doc, of.values, of.form
	return f
}

// lineOf is the line of a field: its collection's, its struct's, or the one for every
// document.
func lineOf(name string, within reflect.Type, own lines) line {
	for _, declared := range []lines{own, parts[within], everywhere} {
		if l, ok := declared[name]; ok {
			return l
		}
	}
	return line{}
}

// typed is a field of a Go type, without what depends on its struct.
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
	case reflect.TypeFor[DocumentID]():
		return Field{Type: AnyID}
	case reflect.TypeFor[markets.Amount]():
		return Field{Type: Amount}
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
		return Field{Type: Object, Model: t.Name(), Fields: fieldsOf(t, nil)}
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
