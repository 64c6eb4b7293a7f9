package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
)

// command implements the part of testing.TB that a run outside of go test uses. Other
// methods must not be called.
type command struct {
	testing.TB
	failed  atomic.Bool
	folder  string
	folders int
	cleanup []func()
}

// runCommand runs a test as a command, and reports whether it passed.
func runCommand(test func(t testing.TB)) (ok bool) {
	folder, err := os.MkdirTemp("", "event-worker-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return false
	}
	defer os.RemoveAll(folder)
	c := &command{folder: folder}
	done := make(chan struct{})
	go func() { // in a separate goroutine, which Fatal ends
		defer close(done)
		defer c.clean()
		test(c)
	}()
	<-done
	return !c.Failed()
}

func (c *command) clean() {
	for len(c.cleanup) > 0 {
		last := len(c.cleanup) - 1
		do := c.cleanup[last]
		c.cleanup = c.cleanup[:last]
		do()
	}
}

func (c *command) Helper()                      {}
func (c *command) Context() context.Context     { return context.Background() }
func (c *command) Cleanup(do func())            { c.cleanup = append(c.cleanup, do) }
func (c *command) Failed() bool                 { return c.failed.Load() }
func (c *command) Log(args ...any)              { fmt.Println(args...) }
func (c *command) Logf(format string, a ...any) { fmt.Printf(format+"\n", a...) }
func (c *command) Error(args ...any)            { c.failed.Store(true); c.Log(append([]any{"FAIL:"}, args...)...) }
func (c *command) Errorf(format string, a ...any) {
	c.failed.Store(true)
	c.Logf("FAIL: "+format, a...)
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
	dir := fmt.Sprintf("%s/%d", c.folder, c.folders)
	if err := os.Mkdir(dir, 0o700); err != nil {
		c.Fatal(err)
	}
	return dir
}
