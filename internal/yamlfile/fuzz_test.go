package yamlfile

import (
	"strings"
	"testing"
)

// Whatever a file is: its problems lie within it, secrets are not shown, and they are no
// more than a person reads.
func FuzzParse(f *testing.F) {
	f.Add("name: x\ncuont: 3\nwords: [a, b]\nparts: {a: {size: 1, key: 'k'}}\n")
	f.Add("name: &n x\nurl: *n\nmode: \"fast\"\nwait: |\n  5s\nparts:\n  ? a\n  : {size: 0x1F}\n")
	f.Add("name: x\n---\nname: y\n...\n# comment\n%TAG ! x\n- !!str a\n")
	f.Add(strings.Repeat("[", 70))
	f.Add(strings.Repeat("- ", 70) + "a")
	f.Add("a: &a [*a, *a]\nb: {<<: *a}")
	s := newTestSchema(f, testSchema)
	f.Fuzz(func(t *testing.T, text string) {
		file := Parse(s, "f.yaml", []byte(text))
		if file.Readable() {
			file.Check()
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1 // YAML breaks lines at both
		ps, _ := file.Err().(Problems)
		for _, p := range ps {
			if p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Fatalf("%d:%d of %d lines: %s", p.Line, p.Column, lines, p.Text)
			}
		}
		if shown := len(ps.Lines()); shown > 1<<20+100*len(text) {
			t.Fatalf("%d bytes about %d", shown, len(text))
		}
		var into struct {
			Name  string
			Count int
			Words []string
		}
		file.Root().Decode(&into)
		if into.Count < 0 || into.Count > 9 {
			t.Fatalf("count %d is outside the schema", into.Count)
		}
	})
}
