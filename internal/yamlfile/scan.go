package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The lexer takes time quadratic in the blank lines at the end of a block scalar. The
// parser recurses, and takes time quadratic in the nesting and in the keys of a mapping. Their
// input is bounded before.
const (
	MaxFile   = 1 << 20 // bytes
	maxTokens = 50_000
	maxDepth  = 64
	maxKeys   = 1000 // of one mapping
	maxBlank  = 200  // lines, one after the other
	// firstPart is the size of the part of a text that is checked first, in bytes.
	firstPart = 4 << 10
	// endTokens is at least the number of tokens that are not valid only because a part
	// ends within quotes, or within an escape sequence in them.
	endTokens = 16
)

type place struct{ line, column int }

// excess says which limit a text exceeds, and where.
type excess struct {
	at     place
	reason string
}

// Tokenize splits a text into tokens for the parser. The problem says that the text is too
// large, or nested too deeply, to be parsed.
func Tokenize(name string, text []byte) (token.Tokens, *Problem) {
	tokens, limit := bounded(text)
	if limit != nil {
		return nil, &Problem{File: name, Line: limit.at.line, Column: limit.at.column, Text: limit.reason}
	}
	return tokens, nil
}

// bounded splits a text into tokens unless it exceeds a limit. It checks growing parts of
// the text, because the tokens of a hostile one take hundreds of times its size. Of a text
// that is not valid it returns the tokens of a part.
func bounded(text []byte) (token.Tokens, *excess) {
	if len(text) > MaxFile {
		return nil, &excess{place{1, 1}, fmt.Sprintf("the file is larger than %d bytes", MaxFile)}
	}
	if line, ok := blankLines(text); !ok {
		return nil, &excess{place{line, 1}, fmt.Sprintf("more than %d blank lines: take them out", maxBlank)}
	}
	for size := firstPart; ; size *= 4 {
		part := text[:min(size, len(text))]
		tokens := lexer.Tokenize(string(part))
		sound := valid(tokens)
		if limit := exceeded(sound); limit != nil || len(part) == len(text) || len(tokens)-len(sound) > endTokens {
			return tokens, limit
		}
	}
}

// valid returns the tokens before the first one that is not valid.
func valid(tokens token.Tokens) token.Tokens {
	if i := slices.IndexFunc(tokens, func(t *token.Token) bool { return t.Type == token.InvalidType }); i >= 0 {
		return tokens[:i]
	}
	return tokens
}

// exceeded returns the limit that tokens exceed, if any.
func exceeded(tokens token.Tokens) *excess {
	if len(tokens) > maxTokens {
		return &excess{placeOf(tokens[maxTokens]), "the file has too many values: declarations of an ABI can stand in a file of their own"}
	}
	return nesting{}.exceededBy(tokens)
}

// blankLines returns the first line after maxBlank blank ones, and whether there is none.
func blankLines(text []byte) (line int, ok bool) {
	blank := 0
	for content := range strings.SplitSeq(string(text), "\n") {
		line++
		if blank++; strings.TrimSpace(content) != "" {
			blank = 0
		}
		if blank > maxBlank {
			return line, false
		}
	}
	return 0, true
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}
