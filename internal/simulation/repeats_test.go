//go:build deterministic

package simulation

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A seed makes the same history in a new process as after others, with all steps written to a
// file as without: in a program that is built with the overlay.
func TestASeedRepeats(t *testing.T) {
	for seed := range uint64(3) {
		here, there := simulate(t, seed), replay(t, seed)
		if here.digest != there.digest || here.steps != there.steps {
			t.Errorf("seed %d: %d steps, digest %x; in a new process %d steps, digest %x",
				seed, here.steps, here.digest, there.steps, there.digest)
		}
	}
}

// replay runs a seed in a new process, and returns its steps.
func replay(t *testing.T, seed uint64) *trace {
	name := filepath.Join(t.TempDir(), "trace")
	run := exec.CommandContext(t.Context(), os.Args[0], fmt.Sprintf("-test.run=^TestCluster$/^seed_%d$", seed))
	run.Env = append(os.Environ(), lastsVariable+"=", fmt.Sprint(seedVariable, "=", seed), traceVariable+"="+name)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	steps := newTrace()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		steps.keep(lines.Text())
	}
	return steps
}
