package definition

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/imart/event-worker/markets"
)

// Limits of an expression.
const (
	maxExpression = 2000 // bytes
	maxNodes      = 200
	maxMemory     = 1 << 15 // values, which is about 1 MiB
	maxList       = 4096    // elements
)

// scope is what expressions see: names and their types.
type scope struct {
	kind  markets.ChainKind
	names types.Map
}

// with is the scope with more names.
func (s scope) with(names types.Map) scope {
	all := maps.Clone(s.names)
	maps.Copy(all, names)
	return scope{s.kind, all}
}

// expression is a compiled expression.
type expression struct {
	text    string
	program *vm.Program
	field   string   // the name, if it is nothing but one name
	names   []string // that it depends on
}

// values are the values of names, for one event.
type values map[string]any

// machine evaluates expressions. It is for one goroutine.
type machine struct {
	vm    vm.VM
	known checksums
}

func newMachine() *machine {
	return &machine{vm.VM{MemoryBudget: maxMemory}, checksums{}}
}

// evaluate is the expression's value.
func (m *machine) evaluate(e *expression, v values) (any, error) {
	if e.field != "" {
		return v[e.field], nil
	}
	value, err := m.vm.Run(e.program, map[string]any(v))
	if err != nil {
		return nil, brief(err)
	}
	return value, nil
}

// brief is an error of the language without the picture of where it lies.
func brief(err error) error {
	if located, ok := errors.AsType[*file.Error](err); ok {
		if located.Prev != nil {
			return located.Prev
		}
		return errors.New(located.Message)
	}
	return err
}

// misplaced is an error at a place of an expression's text.
type misplaced struct {
	column int // from 0
	error
}

// compile compiles an expression. want are the types that its value may have.
func (s scope) compile(text string, want ...kind) (*expression, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("longer than %d characters", maxExpression)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, s.explain(err)
	}
	e := &expression{text: text}
	look := survey{scope: s}
	ast.Walk(&tree.Node, &look)
	if look.err != nil {
		return nil, look.err
	}
	if nested(tree.Node) {
		return nil, errors.New("one loop inside another: take them apart, or decode with less")
	}
	e.names = slices.Sorted(maps.Keys(look.used))
	if name, ok := tree.Node.(*ast.IdentifierNode); ok {
		e.field = name.Value
	}
	options := append(functions(s.kind), expr.Env(s.names), expr.Patch(membership{}))
	if e.program, err = expr.Compile(text, options...); err != nil {
		return nil, s.explain(err)
	}
	return e, check(e.program.Node(), want)
}

// explain says what an error of the language means here.
func (s scope) explain(err error) error {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return err
	}
	text := located.Message
	if name, ok := strings.CutPrefix(text, "unknown name "); ok {
		text += ": there are " + strings.Join(slices.Sorted(maps.Keys(s.names)), ", ")
		if functionNames[name] {
			text = name + " is a function: call it as in docs/definitions.md"
		}
	}
	text = strings.NewReplacer("definition.Number", "number", "string", "text", "map[text]interface {}", "struct", "map[string]interface {}", "struct",
		"[]interface {}", "list", "time.Time", "time", "bool", "boolean").Replace(text)
	return misplaced{located.Column, errors.New(text)}
}

// functionNames are the functions of this package.
var functionNames = map[string]bool{
	"text": true, "number": true, "hex": true, "wei": true, "units": true, "millis": true, "micros": true, "keccak": true,
	"hash": true, "option": true, "sum": true, "address": true, "coinType": true, "collectionId": true, "tokenDataId": true,
}

// survey notes the names that an expression depends on.
type survey struct {
	scope
	used map[string]bool
	err  error
}

// Visit is of ast.Visitor.
func (s *survey) Visit(node *ast.Node) {
	if s.used == nil {
		s.used = map[string]bool{}
	}
	switch node := (*node).(type) {
	case *ast.IdentifierNode:
		if _, ok := s.names[node.Value]; ok {
			s.used[node.Value] = true
		}
		if node.Value == "$env" {
			s.err = errors.New("$env is not for definitions: name the field")
		}
	}
}

// membership makes x == 1 or x == 2 of x in [1, 2]: the language compares the members
// of lists in its own way, which numbers do not take part in.
type membership struct{}

// Visit is of ast.Visitor.
func (membership) Visit(node *ast.Node) {
	in, ok := (*node).(*ast.BinaryNode)
	if !ok || in.Operator != "in" {
		return
	}
	list, ok := in.Right.(*ast.ArrayNode)
	if !ok || len(list.Nodes) == 0 || !slices.ContainsFunc(list.Nodes, isInteger) {
		return
	}
	var any ast.Node
	for _, member := range list.Nodes {
		var equal ast.Node = &ast.BinaryNode{Operator: "==", Left: in.Left, Right: member}
		if any != nil {
			equal = &ast.BinaryNode{Operator: "or", Left: any, Right: equal}
		}
		any = equal
	}
	ast.Patch(node, any)
}

func isInteger(node ast.Node) bool {
	_, ok := node.(*ast.IntegerNode)
	return ok
}

// nested says whether an expression loops inside a loop.
func nested(node ast.Node) bool {
	found := loops{}
	ast.Walk(&node, &found)
	return found.nested
}

type loops struct{ nested bool }

// Visit is of ast.Visitor.
func (l *loops) Visit(node *ast.Node) {
	if predicate, ok := (*node).(*ast.PredicateNode); ok {
		inner := inside{}
		ast.Walk(&predicate.Node, &inner)
		l.nested = l.nested || inner.predicate
	}
}

type inside struct{ predicate bool }

// Visit is of ast.Visitor.
func (i *inside) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok {
		i.predicate = true
	}
}

// kind is a type of values.
type kind string

const (
	isText    kind = "text"
	isNumber  kind = "number"
	isBoolean kind = "boolean"
	isList    kind = "list"
	isStruct  kind = "struct"
	isTime    kind = "time"
)

// check says what is wrong with the type of an expression. One that is known only
// when it is evaluated passes.
func check(node ast.Node, want []kind) error {
	got := kindOf(node)
	if got == "" || len(want) == 0 || slices.Contains(want, got) {
		return nil
	}
	words := make([]string, len(want))
	for i, k := range want {
		words[i] = string(k)
	}
	return fmt.Errorf("is a %s, and a %s is needed", got, strings.Join(words, " or "))
}

// kindOf is the kind of an expression's values; empty if it is not known.
func kindOf(node ast.Node) kind {
	t := node.Type()
	if t == nil {
		return ""
	}
	switch t.String() {
	case "string":
		return isText
	case "definition.Number", "int":
		return isNumber
	case "bool":
		return isBoolean
	case "[]interface {}":
		return isList
	case "map[string]interface {}":
		return isStruct
	case "time.Time":
		return isTime
	case "interface {}":
		return ""
	}
	return kind(t.String())
}

// elementOf is the type of the elements of a list.
func elementOf(list *expression) types.Type {
	if n := list.program.Node().Nature(); n != nil && n.TypeData != nil && n.Ref != nil {
		return natural{*n.Ref}
	}
	return types.Any
}

// natural is a type that the language found out.
type natural struct{ nature nature.Nature }

func (n natural) Nature() nature.Nature       { return n.nature }
func (n natural) Equal(other types.Type) bool { return n.String() == other.String() }
func (n natural) String() string              { return n.nature.String() }

// The types of values that the language does not have itself.
var (
	numberType = types.TypeOf(Number{})
	movedType  = types.Map{"collection": types.String, "id": numberType, "standard": types.String, "quantity": numberType, "from": types.String, "to": types.String}
	paidType   = types.Map{"currency": types.String, "amount": numberType, "from": types.String, "to": types.String}
)
