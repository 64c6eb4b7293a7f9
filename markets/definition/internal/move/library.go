package move

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Library has structs by their names with and without their modules.
type Library map[string]*Struct

// Add adds a struct. Its name without the module is that of the first struct of the name,
// or of one that was declared without a module.
func (l Library) Add(s *Struct) {
	l[s.Name] = s
	if short := LastName(s.Name); l[short] == nil || short == s.Name {
		l[short] = s
	}
}

// LastName is a name without its address and module.
func LastName(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// Find finds a struct by a name that may have an address and a module. A struct that was
// declared without its module is found by the name in any.
func (l Library) Find(name string) (*Struct, bool) {
	if strings.HasPrefix(name, "0x") {
		_, name, _ = strings.Cut(name, "::")
	}
	if s, ok := l[name]; ok {
		return s, true
	}
	s, ok := l[LastName(name)]
	return s, ok && !strings.Contains(s.Name, "::")
}

// maxDepth bounds how deep structs, vectors and Options are nested.
const maxDepth = 8

var errDeep = fmt.Errorf("types are nested more than %d deep, or a struct within itself", maxDepth)

// Resolve is the struct with the types of its fields found in the library.
func (l Library) Resolve(s *Struct) (*Struct, error) {
	return (&resolver{l, expression.NewBudget()}).resolve(s, 0)
}

// resolver resolves one type. Structs that have several fields of the next one would grow
// exponentially: the budget is spent on fields.
type resolver struct {
	Library
	budget expression.Budget
}

func (l *resolver) resolve(s *Struct, depth int) (*Struct, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	out := &Struct{Name: s.Name}
	for _, f := range s.Fields {
		if err := l.budget.Spend(); err != nil {
			return nil, err
		}
		t, err := l.typeOf(f.Text, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		out.Fields = append(out.Fields, Field{f.Name, f.Text, t})
	}
	return out, nil
}

// TypeOf is the type that a text names.
func (l Library) TypeOf(text string) (Type, error) {
	return (&resolver{l, expression.NewBudget()}).typeOf(text, 0)
}

func (l *resolver) typeOf(name string, depth int) (Type, error) {
	if depth > maxDepth {
		return Type{}, errDeep
	}
	outer, inner, generic := strings.Cut(strings.TrimSuffix(name, ">"), "<")
	switch LastName(outer) {
	case "u8", "u16", "u32", "u64", "u128", "u256", "i8", "i16", "i32", "i64", "i128", "i256":
		return Type{form: number}, nil
	case "bool":
		return Type{form: boolean}, nil
	case "address":
		return Type{form: account}, nil
	case "String":
		return Type{form: text}, nil
	case "Object":
		return Type{form: object}, nil
	case "vector":
		if inner == "u8" {
			return Type{form: text}, nil
		}
		element, err := l.typeOf(inner, depth+1)
		return Type{form: vector, element: &element}, err
	case "Option":
		element, err := l.typeOf(inner, depth+1)
		return Type{form: option, element: &element}, err
	}
	if s, ok := l.Find(outer); ok {
		fields, err := l.resolve(s, depth+1)
		return Type{form: structure, fields: fields}, err
	}
	if generic {
		outer += "<…>"
	}
	return Type{}, fmt.Errorf("unknown type %s: declare it in types", outer)
}
