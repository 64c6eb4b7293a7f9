package definition

import (
	"strings"
	"unicode"
)

// words are the words and signs of a declaration, the first first.
type words struct {
	words []string
	depth int
}

// tokens splits a declaration. Comments are left out.
func tokens(text string) (out []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		word := ""
		flush := func() {
			if word != "" {
				out, word = append(out, word), ""
			}
		}
		for i, r := range line {
			switch {
			case isLetter(r), r == ':' && (strings.HasPrefix(line[i:], "::") || strings.HasSuffix(line[:i], ":")): // 0x1::m::S
				word += string(r)
			case unicode.IsSpace(r):
				flush()
			default:
				flush()
				out = append(out, string(r))
			}
		}
		flush()
	}
	return out
}

func isLetter(r rune) bool {
	return r == '_' || r == '$' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func isIdentifier(word string) bool {
	return word != "" && !unicode.IsDigit(rune(word[0])) && !strings.ContainsFunc(word, func(r rune) bool { return !isLetter(r) })
}

func (p *words) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *words) word() string {
	w := p.peek()
	if w != "" {
		p.words = p.words[1:]
	}
	return w
}

// skip takes the next word if it is the one given.
func (p *words) skip(word string) bool {
	if p.peek() != word {
		return false
	}
	p.word()
	return true
}
