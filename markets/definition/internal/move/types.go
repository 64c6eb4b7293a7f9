package move

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Struct is a struct of a module.
type Struct struct {
	Name    string // module::Name, or Name if it was declared without its module
	Fields  []Field
	IsEvent bool // the module logs it without a handle
}

// Field is a field of a struct.
type Field struct {
	Name string
	Text string // its type as it was declared
	kind Type   // once it is resolved
}

// Type is a resolved type.
type Type struct {
	form    form
	element *Type   // of a vector or an Option
	fields  *Struct // of a struct
}

// form is how a node writes a type's values as JSON.
type form int

const (
	number    form = iota // "7" or 7
	boolean               // true or "true"
	account               // "0xb0b"
	text                  // "…": String, and vector<u8> as 0x and hex
	object                // {"inner": "0xb0b"}
	vector                // […]
	option                // {"vec": […]}
	structure             // {…}
)

var formNames = [...]string{"number", "bool", "address", "text", "Object", "vector", "Option", "struct"}

func (f form) String() string { return formNames[f] }

// Expression is the type of the values in expressions.
func (t Type) Expression() types.Type {
	switch t.form {
	case structure:
		return t.fields.Types()
	case vector, option:
		return types.Array(t.element.Expression())
	case number:
		return expression.NumberType
	case boolean:
		return types.Bool
	}
	return types.String
}

// Types are the types of the values of a resolved struct's fields, by name.
func (s *Struct) Types() types.Map {
	names := types.Map{}
	for _, f := range s.Fields {
		names[f.Name] = f.kind.Expression()
	}
	return names
}

// Declaration is the struct as Move declares it.
func (s *Struct) Declaration() string {
	fields := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = f.Name + ": " + f.Text
	}
	return fmt.Sprintf("struct %s { %s }", s.Name, strings.Join(fields, ", "))
}

// Layout is the names and types of those fields of a resolved struct that are used, with the
// fields of their structs.
func (s *Struct) Layout(used map[string]bool) string {
	var fields []string
	for _, f := range s.Fields {
		if used == nil || used[f.Name] {
			fields = append(fields, f.Name+": "+f.kind.layout())
		}
	}
	slices.Sort(fields)
	return "{" + strings.Join(fields, ", ") + "}"
}

func (t Type) layout() string {
	switch {
	case t.element != nil:
		return fmt.Sprintf("%s<%s>", t.form, t.element.layout())
	case t.fields != nil:
		return t.fields.Layout(nil)
	}
	return t.form.String()
}
