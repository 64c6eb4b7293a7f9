package seaporttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

// script is the process in which seaport-js runs: testdata/seaport.js.
type script struct {
	t       testing.TB
	program *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer
}

func startScript(t testing.TB, packages, file string) *script {
	t.Helper()
	s := &script{t: t, program: exec.Command("node", file)}
	s.program.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(packages, "node_modules"))
	s.program.Stderr = &s.stderr
	var err error
	if s.in, err = s.program.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(out)
	if err := s.program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.in.Close()
		_ = s.program.Wait()
	})
	return s
}

// do sends one request and reads the answer into result. An error is seaport-js's own.
func (s *script) do(name string, request map[string]any, result any) error {
	s.t.Helper()
	request["do"] = name
	line, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, s.stop())
	}
	line, err = s.out.ReadBytes('\n')
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, s.stop())
	}
	var answer struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		s.t.Fatalf("%s: %v in %s", name, err, line)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s: %w", name, errors.New(answer.Error))
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		s.t.Fatalf("%s: %v in %s", name, err, line)
	}
	return nil
}

// stop ends the process and returns what it wrote to standard error.
func (s *script) stop() string {
	_ = s.program.Process.Kill()
	_ = s.program.Wait()
	return s.stderr.String()
}
