package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newSeries(t *testing.T) *series {
	s := &series{options: options{lasts: 8 * time.Hour, seed: 7, nodes: 4, chains: 8, pace: time.Second}, round: time.Hour, folder: t.TempDir()}
	s.report = newReport(s)
	s.report.out = io.Discard
	return s
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The report of a run that is killed is the last one that was written.
func TestReports(t *testing.T) {
	s := newSeries(t)
	path := s.path("report.txt")
	s.report.start(&result{seed: 7, started: time.Now()})
	s.report.write(path)
	if text := content(t, path); !strings.Contains(text, "still running") || !strings.Contains(text, "round 1, seed 7") {
		t.Errorf("while the first round runs:\n%s", text)
	}
	s.report.add(result{seed: 7, faults: map[string]int{"kill -9": 3}, commits: 100})
	s.report.add(result{
		seed: 8, faults: map[string]int{"kill -9": 2, "SIGTERM": 1}, commits: 50, again: "repeat 8", failures: []string{"it differs"}, evidence: "a folder",
		growth: grown(time.Hour, func(age time.Duration) int64 { return int64(age/time.Minute) << 20 }),
	})
	if ok, err := s.report.end(path); ok || err != nil {
		t.Errorf("a failed round passes: %v, %v", ok, err)
	}
	text := content(t, path)
	for _, want := range []string{
		"2 rounds, 1 of them failed", "150 commits", "     5  kill -9", "seed 7 passed", "seed 8 FAILED 1 checks",
		"to repeat its faults: repeat 8", "a folder", "FAIL: it differs", "node-1: from 10 to 50 MB of memory",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
}

func TestSeriesThatPass(t *testing.T) {
	s := newSeries(t)
	if ok, _ := s.report.end(s.path("report.txt")); ok {
		t.Error("a series without a round passes")
	}
	for range 3 {
		s.report.add(result{self: weight{goroutines: 10}})
	}
	if ok, err := s.report.end(s.path("report.txt")); !ok || err != nil {
		t.Errorf("it fails: %v", err)
	}
	s.report.add(result{self: weight{goroutines: 100}})
	if ok, _ := s.report.end(s.path("report.txt")); ok || !strings.Contains(content(t, s.path("report.txt")), "from 10 to 100 goroutines") {
		t.Error("the growth of the process itself passes")
	}
}

// A command behaves as a test: Fatal ends it, what it has registered is cleaned up in
// reverse order, and its folders are removed.
func TestCommands(t *testing.T) {
	folder := t.TempDir()
	var done []string
	failures := runCommand(io.Discard, folder, func(t testing.TB) {
		if err := os.WriteFile(filepath.Join(t.TempDir(), "file"), nil, 0o600); err != nil {
			t.Error(err)
		}
		t.Cleanup(func() { done = append(done, "first") })
		t.Cleanup(func() { done = append(done, "second") })
		for range 2 * maxFailures {
			t.Errorf("failure %s", strings.Repeat("x", 2*longestReason))
		}
		t.Fatal(errors.New("the end"))
		done = append(done, "after the end")
	})
	if len(failures) != maxFailures || len(failures[0]) != longestReason {
		t.Errorf("%d failures are remembered, the first of %d bytes", len(failures), len(failures[0]))
	}
	if got := strings.Join(done, ", "); got != "second, first" {
		t.Errorf("done: %s", got)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if failures := runCommand(io.Discard, folder, func(testing.TB) {}); len(failures) > 0 {
		t.Errorf("a test without failures fails: %q", failures)
	}
}
