package commands

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imart/event-worker/monitor"
)

// monitored serves health at any port of the machine until the test ends.
func monitored(t *testing.T, listen string, ready func() error) (port string) {
	t.Helper()
	s, err := monitor.Serve(t.Context(), monitor.Options{
		Listen: listen, Metrics: monitor.New(), Ready: ready, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_, port, err = net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	var reason atomic.Pointer[error]
	port := monitored(t, "127.0.0.1:0", func() error {
		if err := reason.Load(); err != nil {
			return *err
		}
		return nil
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.yaml")
	// No other option matters, however wrong it is.
	if err := os.WriteFile(file, []byte("node: demo\nmonitor: {listen: \"0.0.0.0:"+port+"\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := "EVENT_WORKER_MONITOR_LISTEN=:" + port
	for _, test := range []struct {
		environ []string
		args    []string
	}{
		{nil, []string{"healthcheck", "--config", file}},
		{[]string{at}, []string{"healthcheck"}},
		{[]string{at}, []string{"healthcheck", "--config", "there-is-none.yaml"}},
	} {
		reason.Store(nil)
		if stdout, stderr, code := result(t, dir, test.environ, test.args...); code != 0 || stdout != "ready\n" || stderr != "" {
			t.Errorf("%v, %v: exit code %d: %s%s", test.environ, test.args, code, stdout, stderr)
		}
		reason.Store(new(errors.Join(errors.New("not yet a member"), errors.New("store not reachable"))))
		if _, stderr, code := result(t, dir, test.environ, test.args...); code != 1 || stderr != "event-worker: not ready: not yet a member; store not reachable\n" {
			t.Errorf("%v, %v: exit code %d: %s", test.environ, test.args, code, stderr)
		}
	}
}

func TestHealthcheckFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := recordedNode(t, "ethereum").URL()
	for listen, want := range map[string]string{
		unusedAddress(t):                     "connection refused: is event-worker run running",
		strings.TrimPrefix(other, "http://"): "is not an event worker: it answered",
		"127.0.0.1:0":                        "set a fixed one",
		"nonsense":                           "EVENT_WORKER_MONITOR_LISTEN: monitor.listen: \"nonsense\" is not an address",
	} {
		_, stderr, code := result(t, dir, []string{"EVENT_WORKER_MONITOR_LISTEN=" + listen}, "healthcheck")
		if code != 1 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, want %q: %s", listen, code, want, stderr)
		}
	}
	if _, stderr, code := result(t, dir, nil, "healthcheck", "--config", "there-is-none.yaml"); code != 1 || !strings.Contains(stderr, "the file does not exist") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		":9464": "127.0.0.1:9464", "0.0.0.0:9464": "127.0.0.1:9464", "[::]:9464": "[::1]:9464",
		"10.0.0.5:9464": "10.0.0.5:9464", "worker-1:9464": "worker-1:9464",
	} {
		if got, err := reachable(listen); got != want || err != nil {
			t.Errorf("%s is reached at %s, %v, want %s", listen, got, err, want)
		}
	}
	if got, err := monitorListen("there-is-none.yaml", false); got != "127.0.0.1:9464" || err != nil {
		t.Errorf("without a configuration: %s, %v", got, err)
	}
}
