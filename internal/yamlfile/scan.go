package yamlfile

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The parser recurses, and its time is quadratic in the nesting and in the number of keys:
// its input is bounded before.
const (
	MaxFile   = 1 << 20 // bytes
	maxTokens = 50_000
	maxDepth  = 64
	// maxOpen bounds the open brackets, including those in texts and comments. This check
	// needs no tokens.
	maxOpen = 1000
)

type place struct{ line, column int }

// bounded splits a text into tokens. If it is too large or nested too deeply, it returns
// the place and the reason instead.
func bounded(text []byte) (tokens token.Tokens, at place, reason string) {
	if len(text) > MaxFile {
		return nil, place{1, 1}, fmt.Sprintf("the file is larger than %d bytes", MaxFile)
	}
	if at, ok := openBrackets(text); !ok {
		return nil, at, fmt.Sprintf("more than %d brackets are open here", maxOpen)
	}
	tokens = lexer.Tokenize(string(text))
	if len(tokens) > maxTokens {
		return nil, placeOf(tokens[maxTokens]), "the file has too many values: declarations of an ABI can stand in a file of their own"
	}
	if at, ok := nesting(tokens); !ok {
		return nil, at, fmt.Sprintf("nested more than %d levels deep", maxDepth)
	}
	return tokens, place{}, ""
}

func openBrackets(text []byte) (at place, ok bool) {
	at, open := place{1, 0}, 0
	for _, b := range text {
		at.column++
		switch b {
		case '\n':
			at = place{at.line + 1, 0}
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > maxOpen {
			return at, false
		}
	}
	return at, true
}

// nesting checks that tokens are within maxDepth, or returns the place where they are not.
// In blocks each further column is a level: "- - a" has two.
func nesting(tokens token.Tokens) (at place, ok bool) {
	flow, blocks, line := 0, []int(nil), 0
	for _, t := range tokens {
		first := t.Position.Line != line
		line = t.Position.Line
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if flow == 0 && (first || t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType) {
			column := t.Position.Column
			for first && len(blocks) > 0 && blocks[len(blocks)-1] >= column {
				blocks = blocks[:len(blocks)-1]
			}
			blocks = append(blocks, column)
		}
		if flow+len(blocks) > maxDepth {
			return placeOf(t), false
		}
	}
	return place{}, true
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}
