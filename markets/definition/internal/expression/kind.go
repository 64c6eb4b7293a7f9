package expression

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

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

	functionKind Kind = "function" // named without being called
)

// KindOf is the kind of a type's values; "" if it is known only when evaluated.
func KindOf(t types.Type) Kind {
	n := t.Nature()
	return kindOf(n.Type)
}

// KindOfValue is the kind of a value; that of nil is "nil".
func KindOfValue(value any) Kind {
	if value == nil {
		return "nil"
	}
	return kindOf(reflect.TypeOf(value))
}

func kindOf(t reflect.Type) Kind {
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Func {
		return functionKind
	}
	switch t.String() {
	case "string":
		return TextKind
	case "expression.Number", "int":
		return NumberKind
	case "bool":
		return BooleanKind
	case "[]interface {}":
		return ListKind
	case "map[string]interface {}":
		return StructKind
	case "time.Time":
		return TimeKind
	case "interface {}":
		return ""
	}
	return Kind(t.String())
}

// kindNames replaces the names that expr-lang's errors have for types.
var kindNames = strings.NewReplacer("expression.Number", "number", "string", "text", "map[text]interface {}", "struct", "map[string]interface {}", "struct",
	"[]interface {}", "list", "time.Time", "time", "bool", "boolean")

var errFunction = errors.New("is a function: call it as in docs/definitions.md")

// checkKind refuses an expression of a kind that is not wanted. One whose kind is known
// only when it is evaluated passes.
func checkKind(got Kind, want []Kind) error {
	if got == functionKind {
		return errFunction
	}
	if got == "" || len(want) == 0 || slices.Contains(want, got) {
		return nil
	}
	names := make([]string, len(want))
	for i, k := range want {
		names[i] = string(k)
	}
	return fmt.Errorf("is a %s where a %s is needed", got, strings.Join(names, " or "))
}

// inferred is a type that expr-lang has inferred.
type inferred struct{ nature nature.Nature }

func (i inferred) Nature() nature.Nature       { return i.nature }
func (i inferred) Equal(other types.Type) bool { return i.String() == other.String() }
func (i inferred) String() string              { return i.nature.String() }
