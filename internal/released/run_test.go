package released

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
)

// present is the present version of the program.
var present string

func TestMain(m *testing.M) {
	os.Exit(programtest.Main(&present, func() int { return mongotest.Main(m) }))
}

// patience bounds each run of a program.
const patience = 2 * time.Minute

// data is where a program keeps its documents.
type data struct {
	environ []string // names a database in MongoDB
	folder  string   // otherwise
}

// command prepares a run on the data, in a folder without a configuration.
func (d data) command(ctx context.Context, t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	if d.folder != "" {
		args = append(args, "--data", d.folder)
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Env = t.TempDir(), append(programtest.Environ(), d.environ...)
	return c
}

// run runs a program to its end. said is what it writes, its errors last.
func (d data) run(t *testing.T, program string, args ...string) (said string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := d.command(ctx, t, program, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out) + errs.String(), code
}

// do runs the present program to its end, which must be a good one.
func (d data) do(t *testing.T, args ...string) (said string) {
	t.Helper()
	said, code := d.run(t, present, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d:\n%s", args, code, said)
	}
	return said
}
