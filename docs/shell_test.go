package docs_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// shell is MongoDB's own shell.
type shell string

// mongosh skips the test where there is none.
func mongosh(t *testing.T) shell {
	t.Helper()
	const what, how = "mongosh", "put mongosh on PATH: npm install --global mongosh"
	path, err := exec.LookPath(what)
	if err != nil {
		required.Skip(t, what, how)
	}
	return shell(path)
}

// answers types queries of a page into the shell. The error says where what it prints
// is another than the page says, by a letter.
func (s shell) answers(ctx context.Context, uri string, page page, queries []query) error {
	lines := page.helpers()
	helpers := len(lines)
	for _, q := range queries {
		lines = append(lines, q.text)
	}
	printed, err := s.session(ctx, uri, lines)
	if err != nil {
		return err
	}
	var wrong []error
	for i, q := range queries {
		got := strings.TrimPrefix(printed[helpers+i], "Uncaught:\n\r")
		if want := strings.TrimSpace(q.output); unlike(got) != unlike(want) {
			wrong = append(wrong, fmt.Errorf("%s:%d:\n%s\nthe page says\n%s\nmongosh\n%s", page.name, q.line, q.text, want, got))
		}
	}
	return errors.Join(wrong...)
}

// session types lines into the shell, and returns what it prints for each.
func (s shell) session(ctx context.Context, uri string, lines []string) ([]string, error) {
	const prompt = "\x01"
	input := `prompt = () => "\x01"` + "\n"
	for _, line := range lines {
		input += strings.ReplaceAll(strings.TrimSpace(line), "\n", " ") + "\n"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := exec.CommandContext(ctx, string(s), "--quiet", "--norc", uri)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	printed := strings.Split(string(out), prompt)
	if err != nil || len(printed) != len(lines)+2 {
		return nil, fmt.Errorf("mongosh (%v) has answered to %d of %d lines:\n%s", err, len(printed)-2, len(lines), out)
	}
	printed = printed[1 : len(printed)-1]
	for i, text := range printed {
		printed[i] = strings.TrimSpace(text)
	}
	return printed, nil
}
