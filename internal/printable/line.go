package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// more stands for what was left out.
const more = "…"

// Line is a text on one line without control characters, of at most so many bytes,
// which are enough for the mark of what was left out. What cannot be printed becomes
// a question mark; line breaks and tabs become spaces.
func Line(text string, most int) string {
	if len(text) > utf8.UTFMax*most { // the rest would be cut off anyway
		text = text[:utf8.UTFMax*most]
	}
	return cut(strings.Map(printed, strings.TrimSpace(text)), most)
}

func printed(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case r == utf8.RuneError, !unicode.IsPrint(r):
		return '?'
	}
	return r
}

// cut shortens a text to so many bytes, between two runes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
