// Package mongotest gives tests a genuine MongoDB: a database of their own on a
// server that the test binary shares, a server of their own to hurt, and a proxy
// that hurts connections.
package mongotest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// Variable names the environment variable with the URI of a replica set to test
// on. Without it the mongod on PATH is started.
const Variable = "EVENT_WORKER_TEST_MONGODB_URI"

const (
	// what is MongoDB's name in required.Variable.
	what = "mongodb"
	how  = "put mongod, 6.0 or later, on PATH or a replica set's URI in " + Variable
)

// shared is the test binary's server; nil outside of Main.
var shared *sharedServer

type sharedServer struct {
	start  sync.Once
	folder string
	mongod *mongod
	err    error

	mu      sync.Mutex
	emptied []string // URIs of databases for the next tests
}

// Main runs a package's tests and stops the server that they have shared, if any
// has asked for it: TestMain is os.Exit(mongotest.Main(m)).
func Main(m *testing.M) int {
	shared = new(sharedServer)
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "mongotest:", err)
		return max(code, 1)
	}
	return code
}

// URI is the URI of a replica set that the test binary's tests share; see Variable.
// Where there is none the test is skipped, or fails if required.Variable lists
// "mongodb". It fails if Main does not run the tests.
func URI(t testing.TB) string {
	t.Helper()
	if shared == nil {
		t.Fatal("nothing would stop the server: call mongotest.Main in TestMain")
	}
	if uri := os.Getenv(Variable); uri != "" {
		return uri
	}
	binary, err := exec.LookPath("mongod")
	if err != nil {
		required.Skip(t, what, how)
	}
	uri, err := shared.uri(binary)
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// uri starts the server when it is first asked for. It serves more than the test
// that asks first, so that no test's context ends it.
func (s *sharedServer) uri(binary string) (string, error) {
	s.start.Do(func() {
		if s.folder, s.err = os.MkdirTemp("", "mongotest-"); s.err == nil {
			s.mongod, s.err = startMongod(context.Background(), binary, s.folder, freePort)
		}
	})
	if s.err != nil {
		return "", s.err
	}
	return s.mongod.uri(), nil
}

func (s *sharedServer) stop() error {
	if s.mongod != nil {
		s.mongod.process.Kill()
	}
	if s.folder == "" { // the server is not ours, and stays
		return s.dropEmptied()
	}
	return os.RemoveAll(s.folder)
}
