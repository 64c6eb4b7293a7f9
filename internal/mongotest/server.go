package mongotest

import (
	"context"
	"net/url"
	"os/exec"
	"sync"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// Server is a test's own MongoDB, a replica set of one node, to be hurt. Its
// methods may be called from any goroutine; what goes wrong in them fails the
// test.
type Server struct {
	t      testing.TB
	uri    string
	mu     sync.Mutex
	mongod *mongod
	paused bool
}

// Start starts a server with the mongod on PATH. It is stopped and its data
// removed at the end of the test. Without a mongod the test is skipped, or fails
// if required.Variable lists "mongodb".
func Start(t testing.TB) *Server {
	t.Helper()
	binary, err := exec.LookPath("mongod")
	if err != nil {
		required.Skip(t, what, "faults need a server of the test's own: put mongod, 6.0 or later, on PATH")
	}
	m, err := startMongod(t.Context(), binary, t.TempDir(), freePort)
	return serving(t, m, err)
}

// StartTLS is Start for a server that talks TLS only, with clients that have a certificate of
// its authority. The files are of the server's certificate with its key, of the authority's
// certificate, and of a client's certificate with its key. URI has the latter two.
func StartTLS(t testing.TB, server, authority, client string) *Server {
	t.Helper()
	binary, err := exec.LookPath("mongod")
	if err != nil {
		required.Skip(t, what, "a server of the test's own is needed: put mongod, 6.0 or later, on PATH")
	}
	m := &mongod{binary: binary, folder: t.TempDir()}
	m.options = []string{"--tlsMode", "requireTLS", "--tlsCertificateKeyFile", server, "--tlsCAFile", authority}
	m.query = "&tls=true&tlsCAFile=" + url.QueryEscape(authority) + "&tlsCertificateKeyFile=" + url.QueryEscape(client)
	m, err = begin(t.Context(), m, freePort)
	return serving(t, m, err)
}

// serving is a server that was started, unless that failed.
func serving(t testing.TB, m *mongod, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, uri: m.uri(), mongod: m}
	t.Cleanup(s.Kill)
	return s
}

// Unfit starts a server that is not a working replica set, with the given options, and returns its address. It is stopped at the end of the test.
func Unfit(t testing.TB, options ...string) (address string) {
	t.Helper()
	binary, err := exec.LookPath("mongod")
	if err != nil {
		required.Skip(t, what, "a server of the test's own is needed: put mongod, 6.0 or later, on PATH")
	}
	m := &mongod{binary: binary, folder: t.TempDir(), options: options}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := m.launchAnywhere(ctx, freePort); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.process.Kill)
	return m.address()
}

// URI is the server's URI, without a database.
func (s *Server) URI() string { return s.uri }

// Address is where the server listens, host and port.
func (s *Server) Address() string { return s.mongod.address() }

// Kill ends the server as a crash would and returns when its process is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mongod.process.Kill()
	s.paused = false
}

// Restart starts the server again after Kill, with the same port and data, and
// returns when it is primary.
func (s *Server) Restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mongod.restart(context.Background()); err != nil {
		s.t.Errorf("restart: %v", err)
	}
}

// StepDown makes the server give up being primary for some seconds. It is primary
// again by itself when they are over.
func (s *Server) StepDown(ctx context.Context, seconds int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mongod.stepDown(ctx, seconds); err != nil {
		s.t.Errorf("step down: %v", err)
	}
}

// Pause stops the server's process in its tracks and returns when it stands:
// connections stay open and nothing answers.
func (s *Server) Pause() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return
	}
	if err := s.mongod.process.Pause(); err != nil {
		s.t.Errorf("pause: %v", err)
	}
	s.paused = true
}

// Resume lets a paused server go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mongod.process.Resume(); err != nil {
		s.t.Errorf("resume: %v", err)
	}
	s.paused = false
}
