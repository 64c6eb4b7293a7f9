package expression

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// Canonical is an expression without differences of spacing, quotes, and the notation of integers;
// without operators on bits, which expr-lang does not have, also of parentheses. A text that is no
// expression stays as it is.
func Canonical(text string) string {
	s, tree, err := parse(text)
	if err != nil {
		return text
	}
	if len(s.operators) == 0 {
		ast.Walk(&tree.Node, integers{s})
		return tree.Node.String()
	}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return text
	}
	var words []string
	for _, t := range tokens {
		words = append(words, string(t.Kind)+" "+t.Value)
	}
	return strings.Join(words, " ")
}

// integers puts integers as they are written in place of the zeros that the parser sees.
type integers struct{ *source }

// Visit is of ast.Visitor.
func (i integers) Visit(node *ast.Node) {
	if n, ok := i.integers[(*node).Location().From]; ok {
		if _, ok := (*node).(*ast.IntegerNode); ok {
			*node = &ast.IdentifierNode{Value: n.String()}
		}
	}
}
