package commands

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/persistence"
)

// words returns the completions of the last argument.
func words(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	stdout, stderr, code := result(t, dir, nil, append([]string{"__complete"}, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	return lines[:len(lines)-1] // the last one tells the shell what to do
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, "https://rpc.example.com", 1)
	if got := words(t, dir, "query", ""); !slices.Equal(got, persistence.Collections) {
		t.Errorf("query: %v", got)
	}
	if got := words(t, dir, "query", "orders", ""); len(got) > 0 {
		t.Errorf("the filter: %v", got)
	}
	for _, command := range []string{"rewind", "redecode", "pause", "resume"} {
		got := words(t, dir, command, "eth")
		for _, want := range []string{"ethereum", "ethereum/seaport", "ethereum/seaport/buy"} {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no %s in %v", command, want, got)
			}
		}
	}
	if got := words(t, t.TempDir(), "pause", ""); len(got) > 0 {
		t.Errorf("without a configuration: %v", got)
	}
	if help := output(t, dir, "--help"); !strings.Contains(help, "\n  completion ") {
		t.Errorf("completion is not in the help:\n%s", help)
	}
}

// Each installed shell can parse its script.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		script := output(t, t.TempDir(), "completion", shell)
		if !strings.Contains(script, "event-worker") {
			t.Errorf("%s: %.200s", shell, script)
		}
		path, err := exec.LookPath(shell)
		if err != nil || shell == "powershell" {
			continue
		}
		c := exec.Command(path, "-n", "/dev/stdin") // reads, and runs nothing
		c.Stdin = strings.NewReader(script)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
	if _, stderr, code := result(t, t.TempDir(), nil, "completion", "tcsh"); code != 1 || !strings.Contains(stderr, "name a shell: bash, zsh, fish, powershell") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
