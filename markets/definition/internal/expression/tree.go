package expression

import (
	"errors"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
)

var (
	errNestedLoops = errors.New("one loop inside another is not allowed: split the expression")
	errEnvironment = errors.New("$env is not available: name the field")
)

// Canonical is an expression without differences of spacing, parentheses and quotes; a text that
// cannot be parsed stays as it is.
func Canonical(text string) string {
	tree, err := parser.Parse(text)
	if err != nil {
		return text
	}
	return tree.Node.String()
}

// dependencies are those of the names that an expression refers to, sorted.
func dependencies(tree *parser.Tree, names types.Map) ([]string, error) {
	found := references{names: names, used: map[string]bool{}}
	ast.Walk(&tree.Node, &found)
	return slices.Sorted(maps.Keys(found.used)), found.err
}

type references struct {
	names types.Map
	used  map[string]bool
	err   error
}

// Visit is of ast.Visitor.
func (r *references) Visit(node *ast.Node) {
	identifier, ok := (*node).(*ast.IdentifierNode)
	if !ok {
		return
	}
	if _, ok := r.names[identifier.Value]; ok {
		r.used[identifier.Value] = true
	}
	if identifier.Value == "$env" { // the map of all names: dependencies would not be known
		r.err = errEnvironment
	}
}

// membership rewrites x in [1, 2] as x == 1 or x == 2: expr-lang's own operator compares
// Go values, and a Number equals no int.
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
	var anyEqual ast.Node
	for _, member := range list.Nodes {
		var equal ast.Node = &ast.BinaryNode{Operator: "==", Left: in.Left, Right: member}
		if anyEqual != nil {
			equal = &ast.BinaryNode{Operator: "or", Left: anyEqual, Right: equal}
		}
		anyEqual = equal
	}
	ast.Patch(node, anyEqual)
}

func isInteger(node ast.Node) bool {
	_, ok := node.(*ast.IntegerNode)
	return ok
}

// hasNestedLoops says whether an expression loops inside a loop: its work would grow with
// the product of two lists.
func hasNestedLoops(node ast.Node) bool {
	outer := loops{}
	ast.Walk(&node, &outer)
	for _, body := range outer.bodies {
		inner := loops{}
		ast.Walk(&body, &inner)
		if len(inner.bodies) > 0 {
			return true
		}
	}
	return false
}

// loops collects the bodies of loops: of all, map, filter…
type loops struct{ bodies []ast.Node }

// Visit is of ast.Visitor.
func (l *loops) Visit(node *ast.Node) {
	if predicate, ok := (*node).(*ast.PredicateNode); ok {
		l.bodies = append(l.bodies, predicate.Node)
	}
}
