package expression

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/imart/event-worker/markets"
)

// function is a function of the language. Its arguments are of the kinds of its parameters,
// or nil where the argument may be.
type function struct {
	parameters [][]Kind
	more       bool // the last parameter can come again
	result     *shape
	run        func(f *frame, kind markets.ChainKind, arguments []any) (any, error)
	aptos      bool // only there
}

// special compiles a call of a function whose result depends on what its arguments are.
type special func(c *compiler, n ast.Node, arguments []ast.Node) (code, error)

func specials() map[string]special {
	all := map[string]special{
		"abi": compileABI, "coinType": compileCoinType, "first": compileEnd("first"), "join": compileJoin,
		"last": compileEnd("last"), "len": compileLen, "option": compileOption,
	}
	for name := range loops() {
		all[name] = compileLoop(name)
	}
	return all
}

// functionNames are those of the functions that the scope has, sorted.
func (s Scope) functionNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(functions())), maps.Keys(specials()))
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == "abi" && s.abi == nil || s.kind != markets.Aptos && (name == "coinType" || functions()[name].aptos)
	})
	slices.Sort(names)
	return names
}

// call compiles a call of a function, or of a name that stands for one.
func (c *compiler) call(n ast.Node, name string, arguments []ast.Node) (code, error) {
	if t, ok := c.names[name]; ok && shapeOf(t).kind == functionKind {
		return c.callName(n, name, arguments)
	}
	known := c.functionNames()
	if !slices.Contains(known, name) {
		return c.fail(n, "unknown function %s: there are %s", name, strings.Join(known, ", "))
	}
	if special, ok := specials()[name]; ok {
		return special(c, n, arguments)
	}
	function := functions()[name]
	if fewer := len(arguments) < len(function.parameters); fewer || len(arguments) > len(function.parameters) && !function.more {
		return c.fail(n, "%s has %d arguments", name, len(function.parameters))
	}
	parts, err := c.all(arguments)
	if err != nil {
		return code{}, err
	}
	for i, part := range parts {
		if want := function.parameters[min(i, len(function.parameters)-1)]; !slices.Contains(want, part.shape.kind) {
			return c.fail(arguments[i], "%s: %w", name, checkKind(part.shape.kind, want))
		}
	}
	if err := c.checkCounts(name, arguments, parts); err != nil {
		return code{}, err
	}
	kind := c.kind
	return c.fold(n, code{function.result, func(f *frame) (any, error) {
		values := make([]any, len(parts))
		for i, part := range parts {
			var err error
			if values[i], err = f.value(part); err != nil {
				return nil, err
			}
			if s, ok := values[i].(string); ok {
				if err := f.scan(len(s)); err != nil {
					return nil, err
				}
			}
		}
		value, err := function.run(f, kind, values)
		if err != nil {
			return nil, err
		}
		if s, ok := value.(string); ok {
			return f.made(s)
		}
		return value, nil
	}, areConstant(parts...), nil})
}

// callName compiles the call of a name whose value is a function of a text.
func (c *compiler) callName(n ast.Node, name string, arguments []ast.Node) (code, error) {
	c.used[name] = true
	if len(arguments) != 1 {
		return c.fail(n, "%s has 1 argument", name)
	}
	argument, err := c.compile(arguments[0])
	if err != nil {
		return code{}, err
	}
	if argument.shape.kind != TextKind {
		return c.fail(arguments[0], "%s: %w", name, checkKind(argument.shape.kind, []Kind{TextKind}))
	}
	return code{shape: text, run: func(f *frame) (any, error) {
		value, err := f.text(argument)
		if err != nil {
			return nil, err
		}
		if err := f.scan(len(value)); err != nil {
			return nil, err
		}
		return f.values[name].(func(string) string)(value), nil
	}}, nil
}

// arguments compiles a special function's arguments, which must be as many.
func (c *compiler) arguments(n ast.Node, name string, nodes []ast.Node, count int) ([]code, error) {
	if len(nodes) != count {
		_, err := c.fail(n, "%s has %d arguments", name, count)
		return nil, err
	}
	return c.all(nodes)
}

// compileLen compiles len(list) and len(text), which counts characters.
func compileLen(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	parts, err := c.arguments(n, "len", nodes, 1)
	if err != nil {
		return code{}, err
	}
	if kind := parts[0].shape.kind; kind != ListKind && kind != TextKind {
		return c.fail(nodes[0], "len: is a %s where a list or text is needed", parts[0].shape)
	}
	most := between(0, maxMemory)
	if parts[0].shape.kind == ListKind {
		most = between(0, MaxValues)
	}
	return c.fold(n, code{number, func(f *frame) (any, error) {
		value, err := f.value(parts[0])
		if err != nil {
			return nil, err
		}
		if list, ok := value.([]any); ok {
			return Number{big.NewInt(int64(len(list)))}, nil
		}
		characters := []rune(value.(string))
		return Number{big.NewInt(int64(len(characters)))}, f.scan(len(characters))
	}, parts[0].constant, most})
}

// compileEnd compiles first and last: nil of an empty list.
func compileEnd(name string) func(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	return func(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
		parts, err := c.arguments(n, name, nodes, 1)
		if err != nil {
			return code{}, err
		}
		element := parts[0].shape.element
		if parts[0].shape.kind != ListKind || element == nil {
			return c.fail(nodes[0], "%s: is a %s where a list with elements is needed", name, parts[0].shape)
		}
		return code{shape: element.orNil(), run: func(f *frame) (any, error) {
			list, err := f.list(parts[0])
			switch {
			case err != nil || len(list) == 0:
				return nil, err
			case name == "first":
				return list[0], nil
			}
			return list[len(list)-1], nil
		}}, nil
	}
}

// compileOption compiles option(list, else).
func compileOption(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	parts, err := c.arguments(n, "option", nodes, 2)
	if err != nil {
		return code{}, err
	}
	list := parts[0].shape
	if list.kind != ListKind {
		return c.fail(nodes[0], "option: is a %s where an Option is needed", list)
	}
	s := parts[1].shape
	if list.element != nil {
		var ok bool
		if s, ok = union(list.element, s); !ok {
			return c.fail(nodes[1], "option: is a %s where a %s is needed", parts[1].shape, list.element)
		}
	}
	return code{shape: s, run: func(f *frame) (any, error) {
		list, err := f.list(parts[0])
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			return list[0], nil
		}
		return parts[1].run(f)
	}}, nil
}

// compileABI compiles abi(data, "type").
func compileABI(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	parts, err := c.arguments(n, "abi", nodes, 2)
	if err != nil {
		return code{}, err
	}
	literal, ok := nodes[1].(*ast.StringNode)
	if !ok || parts[0].shape.kind != TextKind {
		return c.fail(n, `abi needs bytes, and a type in quotes: abi(data, "(address maker, uint256 price)")`)
	}
	t, decode, err := c.abi(literal.Value)
	if err != nil {
		return c.fail(nodes[1], "%w", err)
	}
	return code{shape: shapeOf(t), run: func(f *frame) (any, error) {
		data, err := f.text(parts[0])
		if err != nil {
			return nil, err
		}
		if err := f.spend(len(data)); err != nil {
			return nil, err
		}
		bytes, ok := hexBytes(data)
		if !ok {
			return nil, fmt.Errorf("abi: %.80q is not bytes: 0x and hex digits, two for each byte", data)
		}
		value, err := decode(bytes)
		if err != nil {
			return nil, fmt.Errorf("abi: %w", err)
		}
		return value, f.keep(value)
	}}, nil
}

// keep pays for a value that something else made.
func (f *frame) keep(value any) error {
	switch value := value.(type) {
	case string:
		return f.spend(len(value))
	case []any:
		for _, element := range value {
			if err := f.keep(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, field := range value {
			if err := f.keep(field); err != nil {
				return err
			}
		}
	}
	return f.spend(valueSize)
}
