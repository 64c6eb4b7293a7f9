package seaporttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

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
