package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
)

// program is the built program. These tests run it as its users do.
var program string

func TestMain(m *testing.M) {
	os.Exit(programtest.Main(&program, func() int { return mongotest.Main(m) }))
}

// patience bounds everything that must happen.
const patience = time.Minute

// process is a running program.
type process struct {
	*exec.Cmd
	t     *testing.T
	out   buffer // both outputs
	done  chan error
	ended chan struct{} // closed after that
}

// buffer is what a process has written so far.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // capacity 1
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// command prepares a run in a folder of its own, in an environment without
// variables of ours but the given ones.
func command(ctx context.Context, dir string, environ []string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.Env = append(programtest.Environ(), environ...)
	return c
}

// launch starts the program; the test ends it if nothing else does.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return launchIn(t, dir, nil, args...)
}

// launchIn starts the program in an environment.
func launchIn(t *testing.T, dir string, environ []string, args ...string) *process {
	t.Helper()
	return started(t, command(t.Context(), dir, environ, args...))
}

// started starts a command.
func started(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: c, t: t, done: make(chan error, 1), ended: make(chan struct{})}
	p.out.more = make(chan struct{}, 1)
	p.Stdout, p.Stderr = &p.out, &p.out
	// A transaction that was cut off would hold up whoever drops the database.
	p.Cancel, p.WaitDelay = func() error { return p.Process.Signal(syscall.SIGTERM) }, patience
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.done <- p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { <-p.ended }) // the test's context has ended it, and nothing is to go on after it
	return p
}

// says waits until the process has written a text.
func (p *process) says(text string) {
	p.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(p.out.String(), text) {
		select {
		case <-p.out.more:
		case err := <-p.done:
			p.done <- err
			if !strings.Contains(p.out.String(), text) {
				p.t.Fatalf("ended (%v) without saying %q:\n%s", err, text, &p.out)
			}
		case <-deadline:
			p.t.Fatalf("does not say %q:\n%s", text, &p.out)
		}
	}
}

// ends sends a signal and waits for a clean end.
func (p *process) ends(signal os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Fatalf("%v ends it with %v:\n%s", signal, err, &p.out)
		}
	case <-time.After(patience):
		p.t.Fatalf("%v does not end it:\n%s", signal, &p.out)
	}
}

// output runs the program to its end, which must be a good one.
func output(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, code := result(t, dir, nil, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// result runs the program to its end.
func result(t *testing.T, dir string, environ []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	c := command(ctx, dir, environ, args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &errs)
	}
	return out.String(), errs.String(), code
}

// find runs query and decodes what it prints.
func find(t *testing.T, data, collection, filter string, args ...string) []map[string]any {
	t.Helper()
	return documentsOf(t, output(t, data, append([]string{"query", "--data", data, collection, filter}, args...)...))
}

// documentsOf reads what query prints.
func documentsOf(t *testing.T, text string) []map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	var docs []map[string]any
	for {
		var doc map[string]any
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatalf("query: %v", err)
		}
		docs = append(docs, doc)
	}
}

// contents are all documents that a market's people see, in one text.
func contents(t *testing.T, data string) string {
	t.Helper()
	var b strings.Builder
	for _, collection := range []string{"orders", "activities", "records", "dead_letters"} {
		b.WriteString(output(t, data, "query", "--data", data, collection, "--sort", "_id"))
	}
	return b.String()
}
