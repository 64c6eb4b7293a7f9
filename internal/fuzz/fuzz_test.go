package main

import (
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
	"time"
)

// Every target of the module is found: those of both kinds of test packages.
func TestFind(t *testing.T) {
	t.Chdir("../..")
	targets, err := find(t.Context(), regexp.MustCompile(`multicall|internal/move`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, of := range byPackage(targets) {
		for _, found := range of {
			if found.pkg != of[0].pkg {
				t.Errorf("%s is among those of %s", found, of[0].pkg)
			}
			names = append(names, found.String())
		}
	}
	want := []string{
		"chains/evm/internal/multicall.FuzzDecode",
		"markets/definition/internal/move.FuzzRead", "markets/definition/internal/move.FuzzParseStructs", "markets/definition/internal/move.FuzzParseModules",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	if _, err := find(t.Context(), regexp.MustCompile("nothing of this name")); err == nil {
		t.Error("no error without targets")
	}
}

// A run continues what its report says, and does not repeat what has failed.
func TestReport(t *testing.T) {
	a, b, c := target{pkg: "github.com/imart/event-worker/p", name: "FuzzA"}, target{pkg: "github.com/imart/event-worker/p", name: "FuzzB"}, target{pkg: "github.com/imart/event-worker/q", name: "FuzzC"}
	file := filepath.Join(t.TempDir(), "report")
	for range 2 {
		r, err := openReport(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.add(a, row{took: time.Minute, executions: 7}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openReport(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.rows[a.String()]; got != (row{took: 2 * time.Minute, executions: 14}) {
		t.Errorf("%+v", got)
	}
	if err := r.add(b, row{took: time.Second, failed: true}); err != nil {
		t.Fatal(err)
	}
	all := []target{a, b, c}
	if due := r.due(all, 2*time.Minute); !reflect.DeepEqual(due, []target{c}) {
		t.Errorf("due are %v", due)
	}
	if due := r.due(all, time.Hour); !reflect.DeepEqual(due, []target{a, c}) {
		t.Errorf("due are %v", due)
	}
	if again, err := openReport(file); err != nil || !reflect.DeepEqual(again.failed(all), []target{b}) {
		t.Errorf("%+v, %v", again, err)
	}
}

// A turn that ends while a target is busy is not a failure.
func TestRanOut(t *testing.T) {
	const end = "--- FAIL: FuzzPage (21.14s)\n    context deadline exceeded\nFAIL\n"
	for said, want := range map[string]bool{
		end: true, "--- FAIL: FuzzPage (1s)\n    panic\n    Failing input written to testdata/fuzz/FuzzPage/1\n": false,
		end + "Failing input written to testdata/fuzz/FuzzPage/1\n": false,
	} {
		if got := ranOut([]byte(said)); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}

func TestExecutions(t *testing.T) {
	said := "fuzz: elapsed: 0s, gathering baseline coverage: 0/4 completed\nfuzz: elapsed: 3s, execs: 120 (40/sec), new interesting: 3 (total: 7)\nfuzz: elapsed: 6s, execs: 250 (43/sec), new interesting: 3 (total: 7)\nPASS\n"
	if n := executions([]byte(said)); n != 250 {
		t.Error(n)
	}
	if n := executions(nil); n != 0 {
		t.Error(n)
	}
}
