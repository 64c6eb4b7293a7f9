package seaporttest

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/required"
)

// startAnvil starts Foundry's node, which mines when told to and puts blocks blockTime
// apart. It returns the node's host and port.
func startAnvil(t testing.TB, packages string, genesis time.Time) string {
	t.Helper()
	programs, err := filepath.Glob(filepath.Join(packages, "node_modules", "@foundry-rs", "anvil-*", "bin", "anvil*"))
	if err != nil || len(programs) != 1 {
		required.Skip(t, what, "there must be an anvil in npm for this platform")
	}
	ctx, cancel := context.WithCancel(context.Background())
	program := exec.CommandContext(ctx, programs[0],
		"--host", "127.0.0.1", "--port", "0", "--no-mining", "--gas-price", "0", "--base-fee", "0",
		"--timestamp", strconv.FormatInt(genesis.Unix(), 10))
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = program.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, host, found := strings.Cut(lines.Text(), "Listening on "); found {
			go func() { _, _ = io.Copy(io.Discard, out) }() // a full pipe would stop it
			return host
		}
	}
	t.Fatalf("anvil does not start: %v", lines.Err())
	return ""
}
