package table

import "strings"

// Wrap breaks a text into lines of at most a width: between words, or within a word that is
// wider. A width of 0 is unlimited.
func Wrap(text string, width int) []string {
	if width <= 0 || Width(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		switch joined := line + " " + word; {
		case line == "":
			line = word
		case Width(joined) <= width:
			line = joined
		default:
			lines, line = append(lines, line), word
		}
		for Width(line) > width {
			part := clip(line, width)
			if part == "" { // a character that is wider than the line
				return lines
			}
			lines, line = append(lines, part), line[len(part):]
		}
	}
	return append(lines, line)
}
