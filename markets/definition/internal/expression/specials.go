package expression

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// compileJoin compiles join(list, separator), of texts.
func compileJoin(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	if len(nodes) == 1 {
		nodes = append(nodes, &ast.StringNode{})
	}
	parts, err := c.arguments(n, "join", nodes, 2)
	if err != nil {
		return code{}, err
	}
	if s := parts[0].shape; s.kind != ListKind || s.element != nil && s.element.kind != TextKind || parts[1].shape.kind != TextKind {
		return c.fail(n, "join needs a list of texts, and a text that goes between them")
	}
	return code{shape: text, run: func(f *frame) (any, error) {
		list, err := f.list(parts[0])
		if err != nil {
			return nil, err
		}
		separator, err := f.text(parts[1])
		if err != nil {
			return nil, err
		}
		texts := make([]string, len(list))
		for i, element := range list {
			if element == nil {
				return nil, errNothing
			}
			texts[i] = element.(string)
			if err := f.spend(len(texts[i]) + len(separator)); err != nil {
				return nil, err
			}
		}
		return strings.Join(texts, separator), nil
	}}, nil
}

// compileCoinType compiles coinType(struct).
func compileCoinType(c *compiler, n ast.Node, nodes []ast.Node) (code, error) {
	parts, err := c.arguments(n, "coinType", nodes, 1)
	if err != nil {
		return code{}, err
	}
	for _, name := range []string{"account_address", "module_name", "struct_name"} {
		if field := parts[0].shape.fields[name]; field == nil || field.kind != TextKind {
			return c.fail(nodes[0], "coinType needs a struct with the texts account_address, module_name and struct_name")
		}
	}
	return code{shape: text, run: func(f *frame) (any, error) {
		value, err := f.value(parts[0])
		if err != nil {
			return nil, err
		}
		name, err := coinType(value.(map[string]any))
		if err != nil {
			return nil, err
		}
		return f.made(name)
	}}, nil
}
