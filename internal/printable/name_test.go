package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"USDC":                          "USDC",
		" Wrapped\tEther\n":             "Wrapped Ether",
		"US\x1b[2JD\u202eC\n":           "US[2JDC",
		"\xff\xfeA\xc3":                 "A",
		"zero\u200bwidth\ufeff":         "zerowidth",
		"\u2066A\u2069":                 "A",
		"₮ 金":                           "₮ 金",
		"\x00\x00":                      "",
		strings.Repeat("ab", 1<<20):     strings.Repeat("ab", 16),
		strings.Repeat("\x00", 1<<20):   "",
		strings.Repeat("金", 40):         strings.Repeat("金", 32),
		strings.Repeat("a", 31) + " bc": strings.Repeat("a", 31),
	} {
		if got := Name(text, 32); got != want {
			t.Errorf("%.40q becomes %q, want %q", text, got, want)
		}
	}
}

func TestAnyName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		got := Name(text, 8)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 8 || got != strings.TrimSpace(got) || Name(got, 8) != got {
			t.Fatalf("%q", got)
		}
		for _, r := range got {
			if r != ' ' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Cf, unicode.Cc) {
				t.Fatalf("%q has %U", got, r)
			}
		}
	})
}
