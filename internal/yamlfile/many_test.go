package yamlfile

import (
	"fmt"
	"strings"
	"testing"
)

// lines repeats a line with a number in it.
func lines(format string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

// One mapping has as many keys as the parser reads in no time, in every style.
func TestKeysAreLimited(t *testing.T) {
	for style, text := range map[string]func(n int) string{
		"block":    func(n int) string { return lines("k%d: x\n", n) },
		"within":   func(n int) string { return "a:\n- b:\n" + lines("    k%d: x\n\n", n) },
		"in items": func(n int) string { return "- a:\n  - b: x\n" + lines("    k%d: [x, {y: z}]\n", n-1) },
		"asked":    func(n int) string { return lines("? k%d\n", n) },
		"flow":     func(n int) string { return "{k: x" + lines(", k%d: x", n-1) + "}" },
		"no value": func(n int) string { return "a: [{k: x" + lines(", k%d", n-1) + "}]" },
		"no comma": func(n int) string { return "a: [\n" + lines(" k%d: x\n", n) + "]" },
	} {
		if _, p := Tokenize("f", []byte(text(maxKeys))); p != nil {
			t.Errorf("%s: %v", style, p)
		}
		if _, p := Tokenize("f", []byte(text(maxKeys+2))); p == nil || !strings.Contains(p.Text, "more than 1000 options in one place") {
			t.Errorf("%s: %v", style, p)
		}
	}
	for _, many := range []string{
		lines("- a: %d\n  b: x\n", 3000), lines("- %d\n", 3000), lines("# %d\n", 3000) + "a: b\n",
		"[" + lines("%d, ", 3000) + "]", "[" + lines("{a: %d}, ", 3000) + "]", "[" + lines("a: %d, ", 3000) + "]",
		lines("a%d:\n", 500) + "b:\n" + lines(" a%d: x\n", 800),
	} {
		if _, p := Tokenize("f", []byte(many)); p != nil {
			t.Errorf("%.30q: %v", many, p)
		}
	}
}

// Of many problems the first are shown, and how many more there are.
func TestManyProblems(t *testing.T) {
	s := newTestSchema(t, testSchema)
	for text, want := range map[string][]string{
		"name: x\n" + lines("k%d: s3cret\n", 900):             {"f.yaml:2:1: k0: unknown option: known here are count", "   11 | k9: …\n", "f.yaml:12:1: k10: unknown option, as are 889 more here\n   12 | k10: …\n"},
		"name: x\n" + lines("k%d: s3cret\n", 11):              {"f.yaml:12:1: k10: unknown option: known here are"},
		"name: x\nwords: [" + lines("[%d], ", 10_000) + "]\n": {"f.yaml:2:9: words[0]: expected a single value\n", "\nand 9900 more problems"},
	} {
		got := check(s, text)
		if n := strings.Count(got, "f.yaml:"); n > 100 {
			t.Errorf("%.30q: %d problems are shown", text, n)
		}
		for _, want := range want {
			if !strings.Contains(got, want) {
				t.Errorf("%.30q:\n%.900s\nwant\n%s", text, got, want)
			}
		}
	}
	f := Parse(s, "f.yaml", []byte("name: x\n"+lines("k%d: x\n", 900)))
	if f.Check(); len(f.Root().Children()) != 1 {
		t.Errorf("%d options are left", len(f.Root().Children()))
	}
}
