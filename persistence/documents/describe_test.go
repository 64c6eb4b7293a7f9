package documents

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of the README again")

// The README's table is the declarations': "go test ./persistence/documents -update"
// writes it.
func TestTableOfTheReadme(t *testing.T) {
	const file, begin, end = "../../README.md", "<!-- collections -->\n", "<!-- /collections -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %s … %s", file, begin, end)
	}
	want := Table(Collections())
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("%s has\n%s\nthe declarations say\n%s\nrun go test ./persistence/documents -run %s -update", file, table, want, t.Name())
	}
}

// A terminal of 90 columns shows every field.
func TestHelpNamesEveryField(t *testing.T) {
	help := Help(Collections())
	for line := range strings.Lines(help) {
		if len(line) > 90 {
			t.Errorf("long line: %s", line)
		}
	}
	words := strings.FieldsFunc(help, func(r rune) bool { return strings.ContainsRune(" \n,(){}[]", r) })
	named := map[string]int{}
	for _, word := range words {
		named[word]++
	}
	for _, m := range modelsOf(Collections()) {
		for _, f := range m.Fields {
			if shown := named[f.Name] > 0; shown == f.MongoOnly {
				t.Errorf("%s.%s is shown: %v", m.Name, f.Name, shown)
			}
		}
	}
}
