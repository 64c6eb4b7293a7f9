package printable

import (
	"strings"
	"unicode/utf8"
)

// more marks a truncation.
const more = "…"

// Line returns Text(text) without spaces at its ends, truncated to most bytes with an
// ellipsis. most must be at least the length of the ellipsis, 3.
func Line(text string, most int) string {
	if len(text) > utf8.UTFMax*most { // bounds the cost; the rest would be cut off
		text = text[:utf8.UTFMax*most]
	}
	return cut(Text(strings.TrimSpace(text)), most)
}

// cut truncates a text to most bytes, between two runes.
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
