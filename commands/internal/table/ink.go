package table

import "regexp"

// Ink is the colour or weight of a text on a terminal.
type Ink string

// The inks, by meaning.
const (
	Plain Ink = ""
	Good  Ink = "32" // green
	Note  Ink = "33" // yellow: unusual
	Bad   Ink = "31" // red: needs attention
	Dim   Ink = "2"
	Bold  Ink = "1"
)

// Paint returns a text in the ink.
func (i Ink) Paint(text string) string {
	if i == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(i) + "m" + text + "\x1b[0m"
}

// Line returns a text of at most a width, 0 being unlimited, in the ink if colours is set.
func (i Ink) Line(text string, width int, colours bool) string {
	if width > 0 {
		text = Shorten(text, width)
	}
	if !colours {
		return text
	}
	return i.Paint(text)
}

var inks = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Uncoloured removes the colours from a text.
func Uncoloured(text string) string { return inks.ReplaceAllString(text, "") }
