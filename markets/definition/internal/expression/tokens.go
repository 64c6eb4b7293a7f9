package expression

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// source is an expression's text in two forms: as it was written, and as expr-lang can
// parse it. expr-lang has neither the operators & >> <<, for which the parser sees the one of
// ranges, nor integers of more than 63 bits, for which it sees zeros. Which ones they are is
// kept by their offsets in the parsed text.
type source struct {
	written, parsed string
	offsets         []int // in the written text, of each character of the parsed one and of its end
	operators       map[int]string
	integers        map[int]*big.Int
}

// bitOperators are those that expr-lang does not have.
var bitOperators = map[string]bool{"&": true, ">>": true, "<<": true}

// rangeOperator takes their place: it binds weaker than + and stronger than comparisons, as
// they do in most languages.
const rangeOperator = ".."

// parse reads an expression.
func parse(text string) (*source, *parser.Tree, error) {
	s := &source{written: text, operators: map[int]string{}, integers: map[int]*big.Int{}}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return s, nil, s.explain(err)
	}
	if err := s.replace(tokens); err != nil {
		return s, nil, err
	}
	tree, err := parser.Parse(s.parsed)
	if err != nil {
		return s, nil, s.explain(err)
	}
	return s, tree, nil
}

// replace makes the text to be parsed.
func (s *source) replace(tokens []lexer.Token) error {
	written := []rune(s.written)
	var parsed strings.Builder
	end, size := 0, 0
	write := func(text string, from int) {
		parsed.WriteString(text)
		for i := range utf8.RuneCountInString(text) {
			s.offsets = append(s.offsets, min(from+i, len(written)))
			size++
		}
	}
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.Kind == lexer.EOF {
			break
		}
		write(string(written[end:t.From]), end)
		end = t.To
		operator := t.Value
		if i+1 < len(tokens) && (t.Is(lexer.Operator, ">") || t.Is(lexer.Operator, "<")) && tokens[i+1].Is(lexer.Operator, t.Value) && tokens[i+1].From == t.To {
			i++
			operator, end = t.Value+t.Value, tokens[i].To
		}
		switch {
		case t.Kind == lexer.Operator && bitOperators[operator]:
			s.operators[size] = operator
			write(rangeOperator, t.From)
		case t.Kind == lexer.Number:
			n, err := literal(t.Value)
			if err != nil {
				return CompileError{t.From, err}
			}
			s.integers[size] = n
			write(strings.Repeat("0", t.To-t.From), t.From)
		default:
			write(string(written[t.From:end]), t.From)
		}
	}
	write(string(written[end:]), end)
	s.offsets = append(s.offsets, len(written))
	s.parsed = parsed.String()
	return nil
}

// literal is an integer as it is written in an expression.
func literal(text string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 0)
	if digits := strings.TrimLeft(text, "0"); len(digits) < len(text) && strings.Trim(digits, "0123456789_") == "" { // no octal numbers
		n, ok = new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 10)
	}
	if !ok {
		return nil, fmt.Errorf("%.80s is not an integer", text)
	}
	if n.BitLen() > maxBits {
		return nil, errTooLarge
	}
	return n, nil
}

// at is an error at an offset of the parsed text.
func (s *source) at(offset int, err error) error {
	before := string([]rune(s.written)[:s.offsets[min(offset, len(s.offsets)-1)]])
	return CompileError{utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]), err}
}
