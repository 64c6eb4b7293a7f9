// Package printable makes untrusted text safe to print on a terminal: without control
// characters, escape sequences, and characters that change the direction of text.
package printable

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns s on one line, with every character that is not printable escaped as
// in Go: \n, \x1b, \u202e, and \xff for bytes that are not UTF-8. Other kinds of spaces
// become plain ones.
func Text(s string) string {
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			const hex = "0123456789abcdef"
			b.WriteString(`\x` + string(hex[s[i]>>4]) + string(hex[s[i]&15]))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// JSON escapes every character of a JSON text that is not printable. The text keeps its
// meaning. White space between tokens stays, and so do raw control characters in strings,
// which JSON forbids.
func JSON(text []byte) []byte {
	escaped := make([]byte, 0, len(text))
	for i, size := 0, 0; i < len(text); i += size {
		var r rune
		r, size = utf8.DecodeRune(text[i:])
		if r < ' ' || unicode.IsPrint(r) && size > 0 && !(r == utf8.RuneError && size == 1) {
			escaped = append(escaped, text[i:i+size]...)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			escaped = append(escaped, `\u`...)
			digits := strconv.FormatUint(uint64(unit)|0x10000, 16)
			escaped = append(escaped, digits[1:]...)
		}
	}
	return escaped
}

// Lines escapes every character of a text that is neither printable nor a line break or tab,
// as JSON does. JSON stays valid, and keeps its meaning.
func Lines(text []byte) []byte {
	var escaped []byte
	for _, b := range JSON(text) {
		if b < ' ' && b != '\n' && b != '\t' {
			escaped = fmt.Appendf(escaped, `\u%04x`, b)
			continue
		}
		escaped = append(escaped, b)
	}
	return escaped
}

// JSONWriter returns a writer that escapes its input with JSON and writes it to w. Each
// Write must contain whole characters.
func JSONWriter(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ to io.Writer }

func (w jsonWriter) Write(text []byte) (int, error) {
	if _, err := w.to.Write(JSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
