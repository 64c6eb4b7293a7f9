package table

import "regexp"

// Ink is what a text looks like on a terminal with colours.
type Ink string

// The inks, by what they say.
const (
	Plain Ink = ""
	Good  Ink = "32" // green
	Note  Ink = "33" // yellow: worth a look
	Bad   Ink = "31" // red: people must act
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

var inks = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Uncoloured is a text without its colours.
func Uncoloured(text string) string { return inks.ReplaceAllString(text, "") }
