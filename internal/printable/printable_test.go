package printable

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"plain text, 100 %", "plain text, 100 %"},
		{`C:\new "x" 'y'`, `C:\new "x" 'y'`},
		{"Ünïcödé Ελληνικά русский עברית العربية 漢字 かな 한국어 हिन्दी ไทย 🙂 é", "Ünïcödé Ελληνικά русский עברית العربية 漢字 かな 한국어 हिन्दी ไทย 🙂 é"},
		{"a\u00a0b\u3000c", "a b c"},
		{"\x00\a\b\t\n\v\f\r", `\x00\a\b\t\n\v\f\r`},
		{"\x1b[31mred\x1b]0;title\a", `\x1b[31mred\x1b]0;title\a`},
		{"\x7f", `\x7f`},
		{"\u0080\u0085\u009b31m\u009f", `\u0080\u0085\u009b31m\u009f`},
		{"\u202a\u202b\u202c\u202d\u202e", `\u202a\u202b\u202c\u202d\u202e`},
		{"\u2066\u2067\u2068\u2069\u200e\u200f\u061c", `\u2066\u2067\u2068\u2069\u200e\u200f\u061c`},
		{"\u2028\u2029\ufeff", `\u2028\u2029\ufeff`},
		{"\U000e0041\ue000", `\U000e0041\ue000`},
		{"\x9b1m\xff\xc3(", `\x9b1m\xff\xc3(`},
		{"\ufffd", "\ufffd"},
	} {
		if got := Text(test.text); got != test.want {
			t.Errorf("Text(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTextIsPrintable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := string(rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) })).Draw(rt, "text"))
		got := Text(text)
		for _, r := range got {
			if !unicode.IsPrint(r) {
				rt.Fatalf("%q has %q", got, r)
			}
		}
		if again := Text(got); again != got {
			rt.Fatalf("%q becomes %q", got, again)
		}
	})
}

// What JSON returns is printable and says the same.
func TestJSONKeepsItsMeaning(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := map[string]string{
			rapid.String().Draw(rt, "key"): rapid.String().Draw(rt, "value"),
			"fixed":                        "\x1b[1m\u009b\u202e\u2028\x7f\n\U000e0041é🙂",
		}
		var plain, escaped bytes.Buffer
		for w, indent := range map[*bytes.Buffer]bool{&plain: false, &escaped: true} {
			encoder := json.NewEncoder(w)
			if indent {
				encoder = json.NewEncoder(JSONWriter(w))
			}
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", " ")
			if err := encoder.Encode(value); err != nil {
				rt.Fatal(err)
			}
		}
		for _, r := range escaped.String() {
			if !unicode.IsPrint(r) && r != '\n' {
				rt.Fatalf("%q has %q", escaped.String(), r)
			}
		}
		var back map[string]string
		if err := json.Unmarshal(escaped.Bytes(), &back); err != nil || len(back) != len(value) {
			rt.Fatalf("%s: %v", escaped.Bytes(), err)
		}
		for k, v := range value {
			if back[k] != v {
				rt.Fatalf("%q: %q is now %q", k, v, back[k])
			}
		}
	})
}

func TestJSONLeavesOrdinaryText(t *testing.T) {
	const text = "{\"a\": \"漢字 é \\n\",\n\t\"b\": 1}\n"
	if got := string(JSON([]byte(text))); got != text {
		t.Errorf("%q", got)
	}
	if got := string(JSON([]byte("\"\x9b\""))); got != `"\ufffd"` {
		t.Errorf("not UTF-8: %q", got)
	}
}
