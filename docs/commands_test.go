package docs_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// called is the beginning of a line of shell that calls the program, in any of the ways in which
// pages do.
var called = regexp.MustCompile(`(^|[|;&(]\s*)(\$ )?([A-Z_]+=\S+ )*(docker compose exec (-T )?\S+ )?(\./event-worker|event-worker|go run \.) `)

// inline is a call in the middle of a sentence.
var inline = regexp.MustCompile("`event-worker ([^`]+)`")

// Every command of a page is one of the program's, with flags that it has.
func TestCommandsOfThePages(t *testing.T) {
	program := build(t)
	found := 0
	var checks sync.WaitGroup
	defer checks.Wait()
	limit := make(chan struct{}, 4)
	for _, file := range filesOf(t, ".md") {
		for _, line := range commandLines(t, file) {
			found++
			checks.Go(func() {
				limit <- struct{}{}
				defer func() { <-limit }()
				if err := program.knows(t, line); err != nil {
					t.Errorf("%s: %s: %v", file, line, err)
				}
			})
		}
	}
	if found < 80 {
		t.Errorf("only %d commands were found", found)
	}
}

// commandLines are the calls of the program in a page, without what calls it.
func commandLines(t *testing.T, file string) []string {
	t.Helper()
	var lines []string
	for _, b := range readPage(t, inRepository(file)).blocks() {
		if !slices.Contains([]string{"", "sh", "console"}, b.language) {
			continue
		}
		text := strings.ReplaceAll(b.text, "\\\n", " ")
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if at := called.FindStringIndex(line); at != nil {
				lines = append(lines, line[at[1]:])
			}
		}
	}
	for _, match := range inline.FindAllStringSubmatch(strings.Join(prose(t, file), "\n"), -1) {
		lines = append(lines, strings.ReplaceAll(match[1], "\n", " "))
	}
	return lines
}

// knows reports whether a command with all its flags is one of the program's: it is asked for its
// help, which it gives only then.
func (p program) knows(t *testing.T, line string) error {
	words, err := shellWords(t, line)
	if err != nil || len(words) == 0 {
		return fmt.Errorf("the shell reads %q: %v", words, err)
	}
	c := exec.CommandContext(t.Context(), p.binary(), append(words, "--help")...)
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	_, usage, _ := strings.Cut(string(out), "Usage:\n  event-worker ")
	usage, _, _ = strings.Cut(usage, "\n")
	of := strings.Fields(usage)
	isGroup := slices.Contains(of, "[command]")
	if len(of) == 0 || of[0] != words[0] || isGroup && len(words) > 1 && !strings.HasPrefix(words[1], "-") {
		return fmt.Errorf("there is no such command: this is the help of %q", usage)
	}
	return nil
}

// shellWords are the words of a line up to a pipe, a redirection or a comment, as the shell reads
// them.
func shellWords(t *testing.T, line string) ([]string, error) {
	const script = `words() { printf '%s\000' "$@" >&3; }
exec 3>&1 >/dev/null
words `
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " > ")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script+line).Output()
	if err != nil {
		return nil, err
	}
	words := strings.Split(string(out), "\x00")
	return words[:len(words)-1], nil
}
