package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	// link matches the target of a Markdown link.
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// mention matches a page named in comments, help and errors, with a heading in URLs.
	mention = regexp.MustCompile(`\bdocs/[\w-]+\.md(#[\w-]+)?`)
)

// Every relative link of a page refers to an existing file and heading.
func TestLinks(t *testing.T) {
	found := 0
	for _, file := range filesOf(t, ".md") {
		for i, line := range prose(t, file) {
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "mailto:") {
					continue
				}
				found++
				if err := checkLink(t, file, match[1]); err != nil {
					t.Errorf("%s:%d: %s: %v", file, i+1, match[1], err)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links were found", found)
	}
}

// Every page named in the program, the files for operators or their comments exists.
func TestMentionedPages(t *testing.T) {
	found := 0
	for _, file := range filesOf(t, ".go", ".yaml", ".yml", ".json", ".service", ".sh", ".env", ".example", "Makefile", "Dockerfile") {
		text, err := os.ReadFile(inRepository(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range mention.FindAllString(string(text), -1) {
			found++
			if err := checkLink(t, "root", page); err != nil {
				t.Errorf("%s: %s: %v", file, page, err)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d mentions were found", found)
	}
}

func TestAnchors(t *testing.T) {
	for heading, want := range map[string]string{
		"The program":                             "the-program",
		"`GET /orders`, and so on":                "get-orders-and-so-on",
		"A [definition](definitions.md) of a_b-c": "a-definition-of-a_b-c",
		"MongoDB's shell: 6.0":                    "mongodbs-shell-60",
	} {
		if got := anchor(heading); got != want {
			t.Errorf("%s: %s, not %s", heading, got, want)
		}
	}
	if got, want := anchors([]string{"# A", "## B", "text", "# A", "#no heading"}), []string{"a", "b", "a-1"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

// checkLink returns an error unless the target of a link in a file exists.
func checkLink(t *testing.T, from, to string) error {
	to, heading, hasHeading := strings.Cut(to, "#")
	target := from
	if to != "" {
		target = path.Join(path.Dir(from), to)
	}
	if !filepath.IsLocal(target) {
		return fmt.Errorf("%s is not in the repository", target)
	}
	if _, err := os.Stat(inRepository(target)); err != nil {
		return err
	}
	if hasHeading && !slices.Contains(anchors(prose(t, target)), heading) {
		return fmt.Errorf("%s has no such heading", target)
	}
	return nil
}

// anchors returns the anchors that GitHub gives to the headings of a page.
func anchors(lines []string) []string {
	var all []string
	seen := map[string]int{}
	for _, line := range lines {
		heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		name := anchor(heading)
		n := seen[name]
		seen[name]++
		if n > 0 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		all = append(all, name)
	}
	return all
}

func anchor(heading string) string {
	heading = link.ReplaceAllString(heading, "]")
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.TrimSpace(heading))
}

// prose returns the lines of a page, with empty lines in place of code.
func prose(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(inRepository(file))
	if err != nil {
		t.Fatal(err)
	}
	lines, code := strings.Split(string(text), "\n"), false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			code = !code
		}
		if fence || code {
			lines[i] = ""
		}
	}
	return lines
}

// filesOf returns the paths of the repository's files whose names have one of the suffixes.
func filesOf(t *testing.T, suffixes ...string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(inRepository(".")), ".", func(file string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && file != "." && !strings.HasPrefix(entry.Name(), ".env")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (hidden || slices.Contains([]string{"dist", "node_modules"}, entry.Name())):
			return fs.SkipDir
		case entry.Type().IsRegular() && !hidden && slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(file, suffix) }):
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// inRepository returns the path of a repository file relative to this package.
func inRepository(file string) string { return filepath.Join("..", filepath.FromSlash(file)) }
