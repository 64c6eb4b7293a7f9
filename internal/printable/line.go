package printable

import (
	"strings"
	"unicode/utf8"
)

// more stands for what was left out.
const more = "…"

// Line is Text of at most so many bytes, which are enough for the mark of what was left
// out.
func Line(text string, most int) string {
	if len(text) > utf8.UTFMax*most { // the rest would be cut off anyway
		text = text[:utf8.UTFMax*most]
	}
	return cut(Text(strings.TrimSpace(text)), most)
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
