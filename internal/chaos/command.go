package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// Bounds of what is remembered of a run's failures.
const (
	maxFailures   = 20
	longestReason = 4000
)

// command implements the part of testing.TB that a run outside of go test uses. Other
// methods must not be called.
type command struct {
	testing.TB
	out     io.Writer
	folder  string
	folders int
	cleanup []func()

	mu       sync.Mutex
	failures []string
}

// runCommand runs a test as a command, and returns its failures when it has ended. The
// folder must exist; it is emptied.
func runCommand(out io.Writer, folder string, test func(t testing.TB)) []string {
	c := &command{out: out, folder: folder}
	done := make(chan struct{})
	go func() { // in a separate goroutine, which Fatal ends
		defer close(done)
		defer c.clean()
		test(c)
	}()
	<-done
	return c.found()
}

func (c *command) clean() {
	for len(c.cleanup) > 0 {
		last := len(c.cleanup) - 1
		do := c.cleanup[last]
		c.cleanup = c.cleanup[:last]
		do()
	}
	for i := range c.folders {
		_ = os.RemoveAll(filepath.Join(c.folder, strconv.Itoa(i+1)))
	}
}

func (c *command) fail(reason string) {
	c.Log("FAIL:", reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) < maxFailures {
		c.failures = append(c.failures, reason[:min(len(reason), longestReason)])
	}
}

func (c *command) found() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

func (c *command) Helper()                      {}
func (c *command) Context() context.Context     { return context.Background() }
func (c *command) Cleanup(do func())            { c.cleanup = append(c.cleanup, do) }
func (c *command) Failed() bool                 { return len(c.found()) > 0 }
func (c *command) Log(args ...any)              { fmt.Fprintln(c.out, args...) }
func (c *command) Logf(format string, a ...any) { fmt.Fprintf(c.out, format+"\n", a...) }
func (c *command) Error(args ...any)            { c.fail(fmt.Sprint(args...)) }
func (c *command) Errorf(format string, a ...any) {
	c.fail(fmt.Sprintf(format, a...))
}

// Fatal implements testing.TB.
func (c *command) Fatal(args ...any) {
	c.Error(args...)
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (c *command) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf implements testing.TB: a command with missing requirements fails.
func (c *command) Skipf(format string, args ...any) { c.Fatalf(format, args...) }

// TempDir implements testing.TB.
func (c *command) TempDir() string {
	c.folders++
	dir := filepath.Join(c.folder, strconv.Itoa(c.folders))
	if err := os.Mkdir(dir, 0o700); err != nil {
		c.Fatal(err)
	}
	return dir
}
