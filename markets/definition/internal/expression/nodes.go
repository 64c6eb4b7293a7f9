package expression

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// compile checks a node and makes its code.
func (c *compiler) compile(n ast.Node) (code, error) {
	if c.nodes++; c.nodes > maxNodes {
		return c.fail(n, "more than %d operators, names and values: split the expression, with let", maxNodes)
	}
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nothing, nil), nil
	case *ast.BoolNode:
		return constant(boolean, n.Value), nil
	case *ast.StringNode:
		return constant(text, n.Value), nil
	case *ast.IntegerNode:
		return constant(number, Number{c.integers[n.Location().From]}), nil
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.ChainNode:
		return c.chain(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.structure(n)
	case *ast.VariableDeclaratorNode:
		return c.variable(n)
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(n, callee.Value, n.Arguments)
		}
		return c.fail(n, "only functions can be called")
	}
	return c.fail(n, "is not part of the language: see docs/definitions.md")
}

// all compiles a list of nodes.
func (c *compiler) all(nodes []ast.Node) (out []code, err error) {
	for _, n := range nodes {
		part, err := c.compile(n)
		if err != nil {
			return nil, err
		}
		out = append(out, part)
	}
	return out, nil
}

func areConstant(parts ...code) bool {
	return !slices.ContainsFunc(parts, func(c code) bool { return !c.constant })
}

func (c *compiler) identifier(n *ast.IdentifierNode) (code, error) {
	for _, v := range c.variables {
		if v.name == n.Value {
			return code{shape: v.shape, run: func(f *frame) (any, error) { return f.variables[v.slot], nil }}, nil
		}
	}
	t, ok := c.names[n.Value]
	if !ok {
		if slices.Contains(c.functionNames(), n.Value) {
			return code{}, c.at(n.Location().From, fmt.Errorf("%s %w", n.Value, errFunction))
		}
		return c.fail(n, "unknown name %s: there are %s", n.Value, strings.Join(slices.Sorted(maps.Keys(c.names)), ", "))
	}
	c.used[n.Value] = true
	name, s := n.Value, shapeOf(t)
	if s.kind == NumberKind {
		return code{shape: s, run: func(f *frame) (any, error) {
			if small, ok := f.values[name].(int); ok {
				return Number{big.NewInt(int64(small))}, nil
			}
			return f.values[name], nil
		}}, nil
	}
	return code{shape: s, run: func(f *frame) (any, error) { return f.values[name], nil }}, nil
}

// pointer is the element, or the index, of a loop.
func (c *compiler) pointer(n *ast.PointerNode) (code, error) {
	switch {
	case c.loops == 0:
		return c.fail(n, "# and .field are elements: only inside all, any, filter, map…")
	case n.Name == "index":
		return code{shape: number, run: func(f *frame) (any, error) { return Number{big.NewInt(int64(f.index))}, nil }, numbers: between(0, MaxValues-1)}, nil
	case n.Name != "":
		return c.fail(n, "unknown #%s: there are # and #index", n.Name)
	}
	return code{shape: c.element, run: func(f *frame) (any, error) { return f.element, nil }}, nil
}

func (c *compiler) variable(n *ast.VariableDeclaratorNode) (code, error) {
	if slices.Contains(c.functionNames(), n.Name) || c.Has(n.Name) || slices.ContainsFunc(c.variables, func(v variable) bool { return v.name == n.Name }) {
		return c.fail(n, "%s is taken: choose another name", n.Name)
	}
	value, err := c.compile(n.Value)
	if err != nil {
		return code{}, err
	}
	slot := c.slots
	c.slots++
	c.variables = append(c.variables, variable{n.Name, value.shape, slot})
	body, err := c.compile(n.Expr)
	c.variables = c.variables[:len(c.variables)-1]
	return code{shape: body.shape, run: func(f *frame) (out any, err error) {
		if f.variables[slot], err = value.run(f); err != nil {
			return nil, err
		}
		return body.run(f)
	}}, err
}

func (c *compiler) conditional(n *ast.ConditionalNode) (code, error) {
	parts, err := c.all([]ast.Node{n.Cond, n.Exp1, n.Exp2})
	if err != nil {
		return code{}, err
	}
	if parts[0].shape.kind != BooleanKind {
		return c.fail(n.Cond, "is a %s where a boolean is needed", parts[0].shape)
	}
	s, ok := union(parts[1].shape, parts[2].shape)
	if !ok {
		return c.fail(n, "one side is a %s and the other a %s: both must be of one type", parts[1].shape, parts[2].shape)
	}
	return c.fold(n, code{s, func(f *frame) (any, error) {
		holds, err := f.boolean(parts[0])
		if err != nil {
			return nil, err
		}
		if holds {
			return parts[1].run(f)
		}
		return parts[2].run(f)
	}, areConstant(parts...), parts[1].numbers.union(parts[2].numbers)})
}

func (c *compiler) array(n *ast.ArrayNode) (code, error) {
	parts, err := c.all(n.Nodes)
	if err != nil {
		return code{}, err
	}
	list := listOf(nil)
	for i, part := range parts {
		if list.element == nil {
			list.element = part.shape
			continue
		}
		var ok bool
		if list.element, ok = union(list.element, part.shape); !ok {
			return c.fail(n.Nodes[i], "is a %s, and the element before it a %s: a list is of one type", part.shape, parts[i-1].shape)
		}
	}
	return c.fold(n, code{list, func(f *frame) (any, error) {
		if err := f.spend(valueSize * len(parts)); err != nil {
			return nil, err
		}
		out := make([]any, len(parts))
		for i, part := range parts {
			var err error
			if out[i], err = part.run(f); err != nil {
				return nil, err
			}
		}
		return out, nil
	}, areConstant(parts...), nil})
}

// structure is {name: value, …}.
func (c *compiler) structure(n *ast.MapNode) (code, error) {
	s := &shape{kind: StructKind, fields: map[string]*shape{}}
	names, values := make([]string, len(n.Pairs)), make([]code, len(n.Pairs))
	for i, pair := range n.Pairs {
		pair := pair.(*ast.PairNode)
		key, ok := pair.Key.(*ast.StringNode)
		if _, isNumber := c.integers[pair.Key.Location().From]; !ok || isNumber {
			return c.fail(pair.Key, "a field of a struct has a name")
		}
		value, err := c.compile(pair.Value)
		if err != nil {
			return code{}, err
		}
		if _, ok := s.fields[key.Value]; ok {
			return c.fail(pair.Key, "the struct has %s already", key.Value)
		}
		s.fields[key.Value], names[i], values[i] = value.shape, key.Value, value
	}
	return code{s, func(f *frame) (any, error) {
		if err := f.spend(4 * valueSize * len(names)); err != nil {
			return nil, err
		}
		out := make(map[string]any, len(names))
		for i, name := range names {
			var err error
			if out[name], err = values[i].run(f); err != nil {
				return nil, err
			}
		}
		return out, nil
	}, areConstant(values...), nil}, nil
}
