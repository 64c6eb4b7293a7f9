package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name returns the printable characters of a name on one line, without spaces at its ends,
// truncated to a number of runes: "US\x1b[2JD\u202eC\n" becomes "US[2JDC". Its cost is
// bounded by runes, not by the length of the text.
func Name(text string, runes int) string {
	const dropped = 4 // reads this many times the bytes wanted, to allow for dropped characters
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
