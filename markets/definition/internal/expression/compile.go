package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets"
)

// Scope is what expressions can refer to: the functions of a kind of chain, and names
// with their types.
type Scope struct {
	kind  markets.ChainKind
	names types.Map
	abi   ABI
}

// ABI makes the decoder of a type of Solidity's ABI, and the type of its values.
type ABI func(text string) (types.Type, func(data []byte) (any, error), error)

// NewScope makes a scope.
func NewScope(kind markets.ChainKind, names types.Map) Scope { return Scope{kind: kind, names: names} }

// With is the scope with more names.
func (s Scope) With(names types.Map) Scope {
	all := maps.Clone(s.names)
	maps.Copy(all, names)
	return Scope{s.kind, all, s.abi}
}

// Decoding is the scope with the function abi.
func (s Scope) Decoding(abi ABI) Scope { return Scope{s.kind, s.names, abi} }

// Has says whether the scope has a name.
func (s Scope) Has(name string) bool {
	_, ok := s.names[name]
	return ok
}

// Expression is a compiled expression. It is immutable.
type Expression struct {
	text  string
	code  code
	slots int      // of its variables
	name  string   // if the expression is a single name
	names []string // that it depends on, sorted
}

// Text is the expression as it was written.
func (e *Expression) Text() string { return e.text }

// Names are the names that the expression depends on, sorted.
func (e *Expression) Names() []string { return e.names }

// IsName says whether the expression is a single name.
func (e *Expression) IsName() bool { return e.name != "" }

// Kind is the kind of the expression's value, which may also be nil if it was searched for.
func (e *Expression) Kind() Kind { return e.code.shape.kind }

// Type is the type of the expression's value.
func (e *Expression) Type() types.Type { return shaped{e.code.shape} }

// ElementType is the type of the elements of the expression's value, a list.
func (e *Expression) ElementType() types.Type {
	if element := e.code.shape.element; element != nil {
		return shaped{element}
	}
	return shaped{nothing}
}

// ElementFields are the fields, and their kinds, of the elements of the expression's value, a
// list; false if they have none.
func (e *Expression) ElementFields() (map[string]Kind, bool) {
	element := e.code.shape.element
	if element == nil {
		return nil, e.code.constant // the empty list
	}
	fields := map[string]Kind{}
	for name, field := range element.fields {
		fields[name] = field.kind
	}
	return fields, element.kind == StructKind
}

// Constant is the expression's value if it depends on nothing.
func (e *Expression) Constant() (value any, ok bool) {
	if !e.code.constant {
		return nil, false
	}
	value, err := NewEvaluator().Evaluate(e, nil)
	return value, err == nil
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
	source, tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{Scope: s, source: source, used: map[string]bool{}}
	compiled, err := c.compile(tree.Node)
	if err != nil {
		return nil, err
	}
	e := &Expression{text: text, code: compiled, slots: c.slots, names: slices.Sorted(maps.Keys(c.used))}
	if name, ok := tree.Node.(*ast.IdentifierNode); ok {
		e.name = name.Value
	}
	return e, checkKind(e.Kind(), want)
}

// explain puts an error of the parser in the terms of definitions.
func (s *source) explain(err error) error {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return err
	}
	if s.offsets == nil { // from the lexer, which reads the text as it was written
		return CompileError{located.Column, errors.New(located.Message)}
	}
	message := located.Message
	if strings.HasPrefix(message, "unexpected token") { // of which the parser knows only what replaces it
		message = "unexpected end"
		if to := min(located.To, len(s.offsets)-1); to >= 0 && located.From < to && !strings.HasSuffix(located.Message, "EOF") {
			message = fmt.Sprintf("unexpected %s", string([]rune(s.written)[s.offsets[located.From]:s.offsets[to]]))
		}
	}
	return s.at(located.From, errors.New(message))
}

// compiler checks an expression and makes its code, node by node.
type compiler struct {
	Scope
	*source
	used      map[string]bool
	variables []variable // that can be seen
	slots     int
	nodes     int
	element   *shape // inside a loop: of its list
	loops     int
}

// variable is what let names.
type variable struct {
	name  string
	shape *shape
	slot  int
}

// code is a checked part of an expression.
type code struct {
	shape    *shape
	run      func(*frame) (any, error)
	constant bool // it depends on nothing
	numbers  *interval
}

// fail is an error at a node.
func (c *compiler) fail(n ast.Node, format string, args ...any) (code, error) {
	return code{}, c.at(n.Location().From, fmt.Errorf(format, args...))
}

// fold computes what is constant when the expression is read: what fails, fails then.
func (c *compiler) fold(n ast.Node, out code) (code, error) {
	if !out.constant {
		return out, nil
	}
	value, err := out.run(newFrame(nil, 0))
	if err != nil {
		return code{}, c.at(n.Location().From, err)
	}
	return constant(out.shape, value), nil
}

func constant(s *shape, value any) code {
	out := code{shape: s, run: func(*frame) (any, error) { return value, nil }, constant: true}
	if n, ok := value.(Number); ok {
		out.numbers = hull(n.n)
	}
	return out
}
