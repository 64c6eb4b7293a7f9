package monitor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/monitor"
)

// serve serves until the test ends.
func serve(t *testing.T, ctx context.Context, o monitor.Options) *monitor.Server {
	t.Helper()
	o.Metrics = monitor.New()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := monitor.Serve(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask sends a request in a new connection.
func ask(t *testing.T, s *monitor.Server, method, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	var alive, ready error
	s := serve(t, t.Context(), monitor.Options{
		Listen: "127.0.0.1:0", Alive: func() error { return alive }, Ready: func() error { return ready },
	})
	expect := func(path string, status int, text string) {
		t.Helper()
		if gotStatus, got := ask(t, s, http.MethodGet, path); gotStatus != status || got != text {
			t.Errorf("%s: %d %q, want %d %q", path, gotStatus, got, status, text)
		}
	}
	expect("/healthz", 200, "ok\n")
	expect("/readyz", 200, "ready\n")
	alive, ready = errors.New("the keeper hangs"), errors.Join(errors.New("not yet a member"), errors.New("store not reachable"))
	expect("/healthz", 503, "the keeper hangs\n")
	expect("/readyz", 503, "not yet a member\nstore not reachable\n")
	if status, text := ask(t, s, http.MethodGet, "/metrics"); status != 200 || !strings.Contains(text, "\nevent_worker_node_chains 0\n") || !strings.Contains(text, "\ngo_goroutines ") {
		t.Errorf("/metrics: %d\n%s", status, text)
	}
	for path, want := range map[string]int{"/metrics": 405, "/readyz": 405, "/": 404, "/debug/pprof/": 404} {
		if status, _ := ask(t, s, http.MethodPost, path); status != want {
			t.Errorf("POST %s: %d", path, status)
		}
	}
}

func TestWithoutChecksAllIsWell(t *testing.T) {
	s := serve(t, t.Context(), monitor.Options{Listen: "127.0.0.1:0"})
	if status, text := ask(t, s, http.MethodGet, "/readyz"); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// taken returns an address that is in use.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestAnAddressThatIsTaken(t *testing.T) {
	addr := taken(t)
	_, err := monitor.Serve(t.Context(), monitor.Options{Listen: addr, Metrics: monitor.New(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "set monitor.listen to another one") {
		t.Errorf("error: %v", err)
	}
}

// Without a configured address, another process at the default port is not an error; the
// log says in one line where this process listens.
func TestTheUsualAddressIsTaken(t *testing.T) {
	addr := taken(t)
	var said bytes.Buffer
	s := serve(t, t.Context(), monitor.Options{Default: addr, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if status, _ := ask(t, s, http.MethodGet, "/healthz"); status != 200 || s.Addr() == addr || !strings.HasPrefix(s.Addr(), "127.0.0.1:") {
		t.Errorf("%d at %s", status, s.Addr())
	}
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "address="+s.Addr()) {
		t.Errorf("the log: %s", text)
	}
}

func TestTheUsualAddress(t *testing.T) {
	var said bytes.Buffer
	s := serve(t, t.Context(), monitor.Options{Default: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&said, nil))})
	if status, _ := ask(t, s, http.MethodGet, "/healthz"); status != 200 || said.Len() > 0 {
		t.Errorf("%d, the log: %s", status, &said)
	}
}

// Requests in progress while the server closes are answered; afterwards nothing listens.
func TestClose(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan error)
	s := serve(t, t.Context(), monitor.Options{Listen: "127.0.0.1:0", Ready: func() error {
		close(asked)
		return <-answer
	}})
	got := make(chan string)
	go func() {
		defer close(got)
		_, text := ask(t, s, http.MethodGet, "/readyz")
		got <- text
	}()
	<-asked
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	assertClosed(t, s.Addr())
	answer <- errors.New("leaving")
	if text := <-got; text != "leaving\n" {
		t.Errorf("answer: %q", text)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestServingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, ctx, monitor.Options{Listen: "127.0.0.1:0"})
	cancel()
	assertClosed(t, s.Addr())
}

func assertClosed(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the port is still in use")
		}
	}
}

// The package does not depend on the actors: what it knows of them passes through the
// store.
func TestNoActors(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if deps := string(out); strings.Contains(deps, "event-worker/actors\n") || !strings.Contains(deps, "event-worker/persistence\n") {
		t.Errorf("it depends on\n%s", deps)
	}
}
