package commands

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// replaying starts replay at an address, and returns it with the configuration that
// it prints and the address that it has.
func replaying(t *testing.T, listen, pace string) (p *process, configuration, address string) {
	t.Helper()
	p = launch(t, t.TempDir(), "replay", "--listen", listen, "--pace", pace)
	p.says("tradeport: {}\n")
	_, text, _ := strings.Cut(p.out.String(), "\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	_, rest, _ := strings.Cut(text, "http://")
	address, _, _ = strings.Cut(rest, "/")
	return p, text + "\n", address
}

// following writes a configuration that replay has printed.
func followed(t *testing.T, configuration string) (dir, data string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte("data: data\n"+strings.ReplaceAll(configuration, "poll: 1s", "poll: 50ms")), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "data")
}

// Replay prints a configuration by which run finds what the demo finds.
func TestReplay(t *testing.T) {
	t.Parallel()
	p, configuration, _ := replaying(t, "127.0.0.1:0", "5ms")
	dir, data := followed(t, configuration)
	p.says("The recording of ethereum ends here, at 18,270,780")
	p.says("The recording of aptos ends here, at 2,386,891,061")
	output(t, dir, "run", "--once")
	want, _ := whole(t)
	if got := contents(t, data); got != contents(t, want) {
		t.Errorf("not what the demo finds:\n%s", got)
	}
	p.ends(syscall.SIGTERM)
}

// A replay that is started again is a node that lags behind: who has seen more, in
// the same process or in one before, waits for it and loses nothing.
func TestReplayAgain(t *testing.T) {
	t.Parallel()
	p, configuration, address := replaying(t, unusedAddress(t), "5ms")
	dir, data := followed(t, configuration)
	p.says("The recording of ethereum ends here")
	p.says("The recording of aptos ends here")
	worker := launch(t, dir, "run")
	worker.says("every stream has caught up")
	want := contents(t, data)
	p.ends(syscall.SIGTERM)
	heads := func(filter string) func() bool {
		return func() bool { return len(find(t, data, "actors", `{kind: "head", `+filter+`}`)) == 2 }
	}
	eventually(t, "both heads fail", heads(`state: "retrying"`))

	p, _, _ = replaying(t, address, "1h")
	eventually(t, "both heads follow again", heads(`state: "following"`))
	worker.ends(syscall.SIGTERM)
	again := launch(t, dir, "run")
	again.says("every stream has caught up")
	if contents(t, data) != want {
		t.Error("behind a node that lags the documents have changed")
	}
	p.ends(syscall.SIGTERM)

	p, _, _ = replaying(t, address, "5ms")
	p.says("The recording of ethereum ends here")
	p.says("The recording of aptos ends here")
	eventually(t, "every stream is at the end", func() bool {
		return len(find(t, data, "actors", `{kind: "subject", state: "following", lag: 0, head: {$in: [18270780, 2386891061]}}`)) == 13
	})
	again.ends(syscall.SIGTERM)
	if contents(t, data) != want {
		t.Error("in the end the documents have changed")
	}
	if said := worker.out.String() + again.out.String(); strings.Contains(said, "rolling back") || strings.Contains(said, "gap") {
		t.Errorf("a node that lags is taken for another chain:\n%s", said)
	}
}
