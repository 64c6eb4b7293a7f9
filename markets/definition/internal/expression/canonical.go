package expression

import (
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// Canonical is an expression without differences of spacing and quotes and, where expr-lang can
// parse it as it is, of parentheses. A text that is no expression stays as it is.
func Canonical(text string) string {
	s, tree, err := parse(text)
	if err != nil {
		return text
	}
	if s.parsed == s.written {
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
