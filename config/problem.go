package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File string
	Line int    // from 1
	Env  string // the environment variable, if the value came from one
	Text string // which option, what is wrong, and what to do
}

func (p Problem) String() string {
	if p.Env != "" {
		return fmt.Sprintf("environment variable %s: %s", p.Env, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems is the error of a configuration that cannot be run: all that is wrong
// with it, by line.
type Problems []Problem

// Error is one line: the first problem, and how many more there are.
func (ps Problems) Error() string {
	text := ps[0].String()
	if more := len(ps) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: see them all with config check)", more)
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
		return cmp.Or(cmp.Compare(len(a.Env), len(b.Env)), cmp.Compare(a.Line, b.Line))
	})
}
