package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testCommand matches a command that runs tests of the repository.
var testCommand = regexp.MustCompile("`go test ((?:\\./[a-z/]+ ?)+)(?:-run ([A-Za-z]+))?")

// Every command by which a guarantee is tested runs tests that exist.
func TestGuaranteesAreTested(t *testing.T) {
	page, err := os.ReadFile(inRepository("docs/guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := testCommand.FindAllStringSubmatch(string(page), -1)
	for _, command := range found {
		for _, folder := range strings.Fields(command[1]) {
			if !hasTest(t, inRepository(folder), command[2]) {
				t.Errorf("%s: %s has no such test", command[0], folder)
			}
		}
	}
	if len(found) < 5 {
		t.Errorf("only %d commands were found", len(found))
	}
}

// hasTest reports whether a package has a test whose name contains a text.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile(`(?m)^func Test\w*` + strings.TrimPrefix(name, "Test"))
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if test.Match(source) {
			return true
		}
	}
	return false
}
