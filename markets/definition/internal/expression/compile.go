package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/imart/event-worker/markets"
)

// Scope is what expressions can refer to: the functions of a kind of chain, and names
// with their types.
type Scope struct {
	kind  markets.ChainKind
	names types.Map
}

// NewScope makes a scope.
func NewScope(kind markets.ChainKind, names types.Map) Scope { return Scope{kind, names} }

// With is the scope with more names.
func (s Scope) With(names types.Map) Scope {
	all := maps.Clone(s.names)
	maps.Copy(all, names)
	return Scope{s.kind, all}
}

// Has says whether the scope has a name.
func (s Scope) Has(name string) bool {
	_, ok := s.names[name]
	return ok
}

// Expression is a compiled expression. It is immutable.
type Expression struct {
	text    string
	program *vm.Program
	name    string   // if the expression is a single name
	names   []string // that it depends on, sorted
}

// Text is the expression as it was written.
func (e *Expression) Text() string { return e.text }

// Names are the names that the expression depends on, sorted.
func (e *Expression) Names() []string { return e.names }

// IsName says whether the expression is a single name.
func (e *Expression) IsName() bool { return e.name != "" }

// Kind is the kind of the expression's value; "" if it is known only when evaluated.
func (e *Expression) Kind() Kind { return kindOf(e.program.Node().Type()) }

// Type is the type of the expression's value.
func (e *Expression) Type() types.Type {
	if n := e.program.Node().Nature(); n != nil && n.Type != nil {
		return inferred{*n}
	}
	return types.Any
}

// ElementType is the type of the elements of the expression's value, a list.
func (e *Expression) ElementType() types.Type {
	if n := e.program.Node().Nature(); n != nil && n.TypeData != nil && n.Ref != nil {
		return inferred{*n.Ref}
	}
	return types.Any
}

// CompileError is an error at a place in an expression's text.
type CompileError struct {
	Column int // in characters, from 0
	Err    error
}

func (e CompileError) Error() string { return e.Err.Error() }

// Unwrap is the error without its place.
func (e CompileError) Unwrap() error { return e.Err }

// Compile compiles an expression whose value must be of one of the kinds, if any are
// given. The error is a CompileError where its place is known.
func (s Scope) Compile(text string, want ...Kind) (*Expression, error) {
	if len(text) > maxLength {
		return nil, fmt.Errorf("longer than %d characters", maxLength)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, s.explain(err)
	}
	e := &Expression{text: text}
	if e.names, err = dependencies(tree, s.names); err != nil {
		return nil, err
	}
	if hasNestedLoops(tree.Node) {
		return nil, errNestedLoops
	}
	if name, ok := tree.Node.(*ast.IdentifierNode); ok {
		e.name = name.Value
	}
	options := append(functions(s.kind), expr.Env(s.names), expr.Patch(membership{}))
	if e.program, err = expr.Compile(text, options...); err != nil {
		return nil, s.explain(err)
	}
	return e, checkKind(e.Kind(), want)
}

// explain puts an error of expr-lang in the terms of definitions.
func (s Scope) explain(err error) error {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return err
	}
	text := located.Message
	if strings.HasPrefix(text, "unknown name ") {
		text += ": there are " + strings.Join(slices.Sorted(maps.Keys(s.names)), ", ")
	}
	return CompileError{located.Column, errors.New(kindNames.Replace(text))}
}
