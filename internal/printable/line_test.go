package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLine(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"eth.example.com", 300, "eth.example.com"},
		{"Ünï \"q\" <b>", 300, "Ünï \"q\" <b>"},
		{"\x1b[2Jgone\r\nand\tmore\x00", 300, `\x1b[2Jgone\r\nand\tmore\x00`},
		{"bidi \u202e and \u2028", 300, `bidi \u202e and`},
		{"bad \xff\xfe", 300, `bad \xff\xfe`},
		{"12345678", 8, "12345678"},
		{"123456789", 8, "12345…"},
		{"ääääää", 8, "ää…"},
		{"", 8, ""},
	} {
		if got := Line(c.text, c.most); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// Whatever the text, it is one printable line that is short enough.
func TestLinesArePrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		most := rapid.IntRange(8, 40).Draw(t, "most")
		got := Line(text, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q", got)
		}
		if again := Line(got, most); again != strings.TrimSpace(got) {
			t.Fatalf("%q, then %q", got, again)
		}
	})
}
