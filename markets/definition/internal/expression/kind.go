package expression

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/types"
)

// NumberType is the type of integers, which expr-lang does not have itself.
var NumberType = types.TypeOf(Number{})

// Kind is a type of values, as people name it.
type Kind string

// The kinds of values.
const (
	TextKind    Kind = "text"
	NumberKind  Kind = "number"
	BooleanKind Kind = "boolean"
	ListKind    Kind = "list"
	StructKind  Kind = "struct"
	TimeKind    Kind = "time"

	nilKind      Kind = "nil"      // of the word nil
	functionKind Kind = "function" // from a text to a text
)

// KindOf is the kind of a type's values.
func KindOf(t types.Type) Kind { return shapeOf(t).kind }

// KindOfValue is the kind of a value.
func KindOfValue(value any) Kind {
	switch value.(type) {
	case nil:
		return nilKind
	case Number, int:
		return NumberKind
	}
	return kindOf(reflect.TypeOf(value))
}

func kindOf(t reflect.Type) Kind {
	switch t {
	case nil:
		return nilKind
	case reflect.TypeFor[string]():
		return TextKind
	case reflect.TypeFor[Number](), reflect.TypeFor[int]():
		return NumberKind
	case reflect.TypeFor[bool]():
		return BooleanKind
	case reflect.TypeFor[[]any]():
		return ListKind
	case reflect.TypeFor[map[string]any]():
		return StructKind
	case reflect.TypeFor[time.Time]():
		return TimeKind
	case reflect.TypeFor[func(string) string]():
		return functionKind
	}
	return Kind(t.String())
}

// shape is a type as expressions are checked against it.
type shape struct {
	kind     Kind
	element  *shape            // of a list; nil if it is always empty
	fields   map[string]*shape // of a struct
	values   *shape            // of a struct that is a table: of its values, which have texts for keys
	optional bool              // the value may be nil
}

var (
	text    = &shape{kind: TextKind}
	number  = &shape{kind: NumberKind}
	boolean = &shape{kind: BooleanKind}
	moment  = &shape{kind: TimeKind}
	nothing = &shape{kind: nilKind, optional: true}
)

func listOf(element *shape) *shape { return &shape{kind: ListKind, element: element} }

// orNil is the shape of values that may be nil.
func (s *shape) orNil() *shape {
	if s.optional {
		return s
	}
	out := *s
	out.optional = true
	return &out
}

func (s *shape) present() *shape {
	if !s.optional || s.kind == nilKind {
		return s
	}
	out := *s
	out.optional = false
	return &out
}

// shaped is a shape as a type of expr-lang.
type shaped struct{ *shape }

// Nature is that of the kind alone.
func (s shaped) Nature() nature.Nature {
	zero := map[Kind]any{TextKind: "", NumberKind: Number{}, BooleanKind: false, ListKind: []any{}, StructKind: map[string]any{}, TimeKind: time.Time{}}
	return nature.NatureOf(zero[s.kind])
}

func (s shaped) Equal(t types.Type) bool { return s.String() == shaped{shapeOf(t)}.String() }

// String writes the type as errors have it.
func (s shaped) String() string { return s.shape.String() }

func (s *shape) String() string {
	switch s.kind {
	case ListKind:
		if s.element == nil {
			return "list"
		}
		return "list of " + s.element.String()
	case StructKind:
		return "struct {" + strings.Join(slices.Sorted(maps.Keys(s.fields)), ", ") + "}"
	}
	return string(s.kind)
}

// shapeOf is the shape of a type.
func shapeOf(t types.Type) *shape {
	if s, ok := t.(shaped); ok {
		return s.shape
	}
	return fromNature(t.Nature())
}

func fromNature(n nature.Nature) *shape {
	s := &shape{kind: kindOf(n.Type)}
	switch {
	case n.IsInteger:
		s.kind = NumberKind
	case s.kind == ListKind && n.Ref != nil:
		s.element = fromNature(*n.Ref)
	case s.kind == StructKind:
		s.fields = map[string]*shape{}
		if n.TypeData != nil {
			for name, field := range n.Fields {
				s.fields[name] = fromNature(field)
			}
			if n.DefaultMapValue != nil {
				s.values = fromNature(*n.DefaultMapValue)
			}
		}
	}
	return s
}

// union is the shape of values that are of one of two shapes; false if they have nothing
// in common.
func union(a, b *shape) (*shape, bool) {
	switch {
	case a.kind == nilKind:
		return b.orNil(), true
	case b.kind == nilKind:
		return a.orNil(), true
	case a.kind != b.kind:
		return nil, false
	}
	out := &shape{kind: a.kind, optional: a.optional || b.optional}
	switch a.kind {
	case ListKind:
		if a.element == nil || b.element == nil {
			if out.element = a.element; a.element == nil {
				out.element = b.element
			}
			return out, true
		}
		element, ok := union(a.element, b.element)
		out.element = element
		return out, ok
	case StructKind:
		if len(a.fields) != len(b.fields) || (a.values == nil) != (b.values == nil) {
			return nil, false
		}
		if a.values != nil {
			var ok bool
			if out.values, ok = union(a.values, b.values); !ok {
				return nil, false
			}
		}
		out.fields = map[string]*shape{}
		for name, field := range a.fields {
			other, ok := b.fields[name]
			if !ok {
				return nil, false
			}
			if out.fields[name], ok = union(field, other); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

var errFunction = errors.New("is a function: call it as in docs/definitions.md")

// checkKind refuses an expression of a kind that is not wanted.
func checkKind(got Kind, want []Kind) error {
	if got == functionKind {
		return errFunction
	}
	if len(want) == 0 || slices.Contains(want, got) {
		return nil
	}
	names := make([]string, len(want))
	for i, k := range want {
		names[i] = string(k)
	}
	return fmt.Errorf("is a %s where a %s is needed", got, strings.Join(names, " or "))
}
