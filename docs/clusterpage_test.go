package docs_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

const clusterPage = "cluster.md"

// What the page shows of logs is logged: each message is in the source, whole, or, of
// those about a stream or an actor, behind that word.
func TestLogsOfTheClusterPage(t *testing.T) {
	page, code := readPage(t, clusterPage), source(t)
	logged := regexp.MustCompile(`msg=(?:"([^"]*)"|(\S+))`).FindAllStringSubmatch(page.text, -1)
	if len(logged) == 0 {
		t.Fatal("the page shows no logs")
	}
	for _, m := range logged {
		message := m[1] + m[2]
		_, rest, _ := strings.Cut(message, " ")
		if !strings.Contains(code, `"`+message+`"`) && !strings.Contains(code, `" `+rest+`"`) {
			t.Errorf("nothing logs %q", message)
		}
	}
}

// source is the program's source in one text.
func source(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code.String()
}

// What the page says options are unless set, the example of the configuration says too.
func TestOptionsOfTheClusterPage(t *testing.T) {
	example, err := os.ReadFile("../event-worker.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range readPage(t, clusterPage).table(t, "option", "unless set", "") {
		name := row[0][strings.LastIndex(row[0], ".")+1:]
		value := row[1]
		if !regexp.MustCompile(`\d`).MatchString(value) { // in words
			value = ""
		}
		if !strings.Contains(string(example), "# "+name+": "+value) {
			t.Errorf("%s: the example has no %q", row[0], "# "+name+": "+value)
		}
	}
}
