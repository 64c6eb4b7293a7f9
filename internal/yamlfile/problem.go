package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is a problem of a file, or of an environment variable that overrides one of its
// options.
type Problem struct {
	File         string
	Line, Column int    // from 1
	Env          string // the environment variable, if the value came from one
	Text         string // which option, what is wrong, and what to do

	snippet string // the source line and a caret, without secrets; empty if it must not be shown
	check   string // the command that shows all problems
}

// String returns the problem on one line.
func (p Problem) String() string {
	if p.Env != "" {
		return fmt.Sprintf("environment variable %s: %s", p.Env, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems is the error of a file that cannot be used: all of its problems, by place.
type Problems []Problem

// Error returns one line: the first problem, and the number of the others.
func (ps Problems) Error() string {
	text := ps[0].String()
	if more := len(ps) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: see them all with %s)", more, ps[0].check)
	}
	return text
}

// maxProblems is the number of problems that are shown at once.
const maxProblems = 100

// Lines returns a line for each of the first problems, with the source line below it, and
// the number of the others.
func (ps Problems) Lines() string {
	var lines []string
	for _, p := range ps[:min(len(ps), maxProblems)] {
		lines = append(lines, p.String()+p.snippet)
	}
	if more := len(ps) - maxProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more problems", more))
	}
	return strings.Join(lines, "\n")
}

// Sort orders problems by place; those of the environment come last.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Env, b.Env), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
