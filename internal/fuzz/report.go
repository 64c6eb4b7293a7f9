package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what was executed of each target, by its name.
type report struct {
	file string // empty: it is not kept
	rows map[string]row
}

// row is what was executed of one target.
type row struct {
	took       time.Duration
	executions int64
	failed     bool
}

const header = "target\ttime\texecutions\tresult\n"

// openReport reads a report; it is empty if the file does not exist.
func openReport(file string) (*report, error) {
	r := &report{file: file, rows: map[string]row{}}
	if file == "" {
		return r, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(strings.TrimPrefix(string(text), header)) {
		var name, took, result string
		var of row
		if _, err := fmt.Sscan(line, &name, &took, &of.executions, &result); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, line, err)
		}
		if of.took, err = time.ParseDuration(took); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, line, err)
		}
		of.failed = result != "ok"
		r.rows[name] = of
	}
	return r, nil
}

// due returns the targets that have time left. One that has failed is not run again, unless
// its row is deleted: its first failing input would end it at once.
func (r *report) due(targets []target, of time.Duration) []target {
	return slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
		done := r.rows[t.String()]
		return done.failed || done.took >= of
	})
}

func (r *report) failed(targets []target) []target {
	return slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return !r.rows[t.String()].failed })
}

// add adds a turn of a target, and writes the report.
func (r *report) add(t target, turn row) error {
	before := r.rows[t.String()]
	r.rows[t.String()] = row{before.took + turn.took, before.executions + turn.executions, turn.failed}
	if r.file == "" {
		return nil
	}
	var text bytes.Buffer
	text.WriteString(header)
	for _, name := range slices.Sorted(maps.Keys(r.rows)) {
		text.WriteString(r.line(name))
	}
	return os.WriteFile(r.file, text.Bytes(), 0o644)
}

func (r *report) line(name string) string {
	of, result := r.rows[name], "ok"
	if of.failed {
		result = "FAILED"
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s\n", name, of.took.Round(time.Second), of.executions, result)
}

// print prints the rows of some targets as a table.
func (r *report) print(to io.Writer, targets []target) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, header)
	for _, t := range targets {
		_, _ = io.WriteString(w, r.line(t.String()))
	}
	_ = w.Flush()
}
