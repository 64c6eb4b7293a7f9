package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name is what is printable of a text that names something, on one line without spaces at its
// ends, and at most so many runes of it: "US\x1b[2JD\u202eC\n" becomes "US[2JDC". Its cost does
// not grow with the text.
func Name(text string, runes int) string {
	const dropped = 4 // of so many times the bytes wanted the rest may be
	text = text[:min(len(text), dropped*utf8.UTFMax*runes)]
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "")))
	if all := []rune(clean); len(all) > runes {
		clean = strings.TrimSpace(string(all[:runes]))
	}
	return clean
}
