package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fuzzPackage gives each target of one package a turn. The test binary is compiled once: go
// test would link it anew for each target.
func fuzzPackage(ctx context.Context, targets []target, o options, r *report) error {
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "fuzz.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz", "Fuzz", "-o", binary, targets[0].pkg)
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", targets[0].pkg, err, said)
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	kept := filepath.Join(strings.TrimSpace(string(cache)), "fuzz", targets[0].pkg) // where go test keeps it
	for _, t := range targets {
		turn := min(o.turn, o.time-r.rows[t.String()].took)
		if err := r.add(t, fuzz(ctx, t, binary, kept, turn, o.parallel)); err != nil {
			return err
		}
	}
	return nil
}

// fuzz gives a target one turn.
func fuzz(ctx context.Context, t target, binary, kept string, turn time.Duration, parallel int) row {
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+turn.String(),
		"-test.fuzzminimizetime=1s", "-test.fuzzcachedir="+kept, "-test.parallel="+strconv.Itoa(parallel), "-test.timeout=0")
	cmd.Dir = t.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	err := cmd.Run()
	done := row{took: min(turn, time.Since(began)), executions: executions(said.Bytes())}
	if err != nil && ctx.Err() == nil && !ranOut(said.Bytes()) {
		done.failed = true
		fmt.Printf("%s: %v\n%s\n", t, err, said.Bytes())
	}
	return done
}

// ranOut reports whether a target failed only because its time ended while it was busy
// (https://go.dev/issue/48591).
func ranOut(said []byte) bool {
	return bytes.Contains(said, []byte("context deadline exceeded")) && !bytes.Contains(said, []byte("Failing input written"))
}

var progress = regexp.MustCompile(`execs: (\d+)`)

// executions returns the last number of executions in the output of a test binary.
func executions(said []byte) (n int64) {
	if all := progress.FindAllSubmatch(said, -1); len(all) > 0 {
		n, _ = strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	}
	return n
}
