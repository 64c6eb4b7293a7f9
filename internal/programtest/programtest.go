// Package programtest builds the program for the tests that run it as its users do.
package programtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Main builds the program, which the tests of a package share, and runs them. It returns
// their exit code.
func Main(program *string, run func() int) int {
	dir, err := os.MkdirTemp("", "event-worker")
	if err == nil {
		defer os.RemoveAll(dir)
		*program, err = BuildIn(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// Build builds the program for one test, with flags of go build.
func Build(t testing.TB, flags ...string) (program string) {
	t.Helper()
	program, err := BuildIn(t.Context(), t.TempDir(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// BuildIn builds the program in a folder, with flags of go build.
func BuildIn(ctx context.Context, folder string, flags ...string) (program string, err error) {
	program = filepath.Join(folder, "event-worker")
	args := slices.Concat([]string{"build", "-o", program}, flags, []string{"github.com/imart/event-worker"})
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return program, nil
}

// Environ returns the environment without the variables that the program reads.
func Environ() []string {
	var all []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "EVENT_WORKER_") && !strings.HasPrefix(v, "MONGODB_") {
			all = append(all, v)
		}
	}
	return all
}
