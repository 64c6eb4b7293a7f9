package yamlfile

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// level is a mapping or a list within which a token is.
type level struct {
	column int        // in a block
	opener token.Type // in flow style
	keys   int        // so far
	colons int        // since the last comma: the parser takes [a: 1 b: 2] for a mapping
}

// nesting counts the levels within which a token is. In blocks each further column is a
// level: "- - a" has two.
type nesting struct {
	flows, blocks []level
	line          int
}

// exceededBy returns the limit that tokens exceed by their levels, if any.
func (n nesting) exceededBy(tokens token.Tokens) *excess {
	for _, t := range tokens {
		keys := n.flow(t)
		if len(n.flows) == 0 {
			keys = n.block(t)
		}
		n.line = t.Position.Line
		if len(n.flows)+len(n.blocks) > maxDepth {
			return &excess{placeOf(t), fmt.Sprintf("nested more than %d levels deep", maxDepth)}
		}
		if keys > maxKeys {
			return &excess{placeOf(t), fmt.Sprintf("more than %d options in one place", maxKeys)}
		}
	}
	return nil
}

// flow follows a token in flow style, and returns the number of keys of its mapping.
func (n *nesting) flow(t *token.Token) (keys int) {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flows = append(n.flows, level{opener: t.Type})
	case token.SequenceEndType, token.MappingEndType:
		n.flows = n.flows[:max(len(n.flows)-1, 0)]
	}
	if len(n.flows) == 0 {
		return 0
	}
	in := &n.flows[len(n.flows)-1]
	switch {
	case t.Type == token.MappingValueType:
		in.colons++
	case t.Type == token.CollectEntryType && in.opener == token.MappingStartType:
		in.keys++
		fallthrough
	case t.Type == token.CollectEntryType:
		in.colons = 0
	}
	return max(in.keys, in.colons)
}

// block follows a token in a block, and returns the number of keys of its mapping: those
// at the column in which its line begins.
func (n *nesting) block(t *token.Token) (keys int) {
	first := t.Position.Line != n.line
	if !first && t.Type != token.SequenceEntryType && t.Type != token.MappingKeyType {
		return 0
	}
	at := level{column: t.Position.Column}
	for last := len(n.blocks) - 1; first && last >= 0 && n.blocks[last].column >= at.column; last-- {
		if n.blocks[last].column == at.column {
			at = n.blocks[last]
		}
		n.blocks = n.blocks[:last]
	}
	if t.Type != token.SequenceEntryType && t.Type != token.CommentType {
		at.keys++
	}
	n.blocks = append(n.blocks, at)
	return at.keys
}
