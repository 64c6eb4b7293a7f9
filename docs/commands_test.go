package docs_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
)

// called matches the beginning of a shell line that runs the program, in all forms that
// pages use.
var called = regexp.MustCompile(`(^|[|;&(]\s*)(\$ )?([A-Z_]+=\S+ )*(docker compose exec (-T )?\S+ )?(\./event-worker|event-worker|go run \.) `)

// inline matches a command in a sentence.
var inline = regexp.MustCompile("`event-worker ([^`]+)`")

// Every command in a page exists, and has the flags used there.
func TestCommandsOfThePages(t *testing.T) {
	thorough.Only(t)
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

// commandLines returns the commands in a page, without the program's name.
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

// knows returns an error unless the command exists and has all the flags. It asks for the
// command's help, which fails for an unknown flag.
func (p program) knows(t *testing.T, line string) error {
	words, err := shellWords(t, line)
	if err != nil || len(words) == 0 {
		return fmt.Errorf("the shell parses %q: %v", words, err)
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
		return fmt.Errorf("unknown command: the program prints the help of %q", usage)
	}
	return nil
}

// shellWords returns the words of a line, up to a pipe, a redirection or a comment, as
// parsed by the shell.
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
