package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a definition.
type Problem struct {
	File         string
	Line, Column int    // from 1
	Text         string // which field, what is wrong, and what to do
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems is the error of a definition that cannot be followed: all that is wrong
// with it, by place.
type Problems []Problem

// Error is one line: the first problem, and how many more there are.
func (ps Problems) Error() string {
	text := ps[0].String()
	if more := len(ps) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: see them all with markets check)", more)
	}
	return text
}

// Lines has a line for each problem.
func (ps Problems) Lines() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
