// Package declaration splits declarations in Solidity and Move into tokens. A token is an
// identifier (with its address and module in Move) or a single sign; spaces and comments
// are dropped.
//
//	struct 0x1::m::S { id: u64 } // a comment
//	"struct" "0x1::m::S" "{" "id" ":" "u64" "}"
package declaration

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scanner reads the tokens of a declaration, one after the other.
type Scanner struct{ tokens []string }

// Scan splits a text into tokens.
func Scan(text string) Scanner {
	var s Scanner
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		s.scanLine(line)
	}
	return s
}

func (s *Scanner) scanLine(line string) {
	start := 0 // of a word
	flush := func(end int) {
		if start < end {
			s.tokens = append(s.tokens, line[start:end])
		}
	}
	for i, r := range line {
		if isLetter(r) || r == ':' && (strings.HasPrefix(line[i:], "::") || strings.HasSuffix(line[:i], ":")) { // 0x1::m::S
			continue
		}
		flush(i)
		if !unicode.IsSpace(r) {
			s.tokens = append(s.tokens, string(r))
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		start = i + size
	}
	flush(len(line))
}

func isLetter(r rune) bool {
	return r == '_' || r == '$' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// IsIdentifier says whether a token can be the name of an event, a struct or a field.
func IsIdentifier(token string) bool {
	return token != "" && !unicode.IsDigit(rune(token[0])) && !strings.ContainsFunc(token, func(r rune) bool { return !isLetter(r) })
}

// Peek is the next token; "" at the end.
func (s *Scanner) Peek() string {
	if len(s.tokens) == 0 {
		return ""
	}
	return s.tokens[0]
}

// Next consumes the next token; "" at the end.
func (s *Scanner) Next() string {
	token := s.Peek()
	if token != "" {
		s.tokens = s.tokens[1:]
	}
	return token
}

// Skip consumes the next token if it is the one given, and says whether it was.
func (s *Scanner) Skip(token string) bool {
	if s.Peek() != token {
		return false
	}
	s.Next()
	return true
}
