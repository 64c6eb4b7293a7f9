package docs_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/imart/event-worker/explain"
)

// The example in explain.md is the output of the command, and the tables have every field
// of the JSON form.
func TestExplain(t *testing.T) {
	page := readPage(t, "explain.md")
	printed, err := os.ReadFile("../commands/internal/life/testdata/filled-when-cancelled.txt")
	if err != nil {
		t.Fatal(err)
	}
	if blocks := page.blocks(); len(blocks) != 1 || blocks[0].text != string(printed) {
		t.Errorf("the example is not\n%s", printed)
	}
	for _, of := range []reflect.Type{
		reflect.TypeFor[explain.Explanation](), reflect.TypeFor[explain.Step](), reflect.TypeFor[explain.Change](), reflect.TypeFor[explain.Cause](),
		reflect.TypeFor[explain.Waiting](), reflect.TypeFor[explain.Signed](), reflect.TypeFor[explain.Stream](), reflect.TypeFor[explain.Verdict](), reflect.TypeFor[explain.At](),
	} {
		for _, field := range reflect.VisibleFields(of) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name != "" && !strings.Contains(page.text, "`"+name+"`") {
				t.Errorf("the page does not have the field %s of %s", name, of.Name())
			}
		}
	}
}
