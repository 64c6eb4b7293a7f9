package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/ptytest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// onTerminal starts the program on a terminal.
func onTerminal(t *testing.T, dir string, environ []string, out *ptytest.Terminal, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t.Context(), dir, append(environ, "TERM=xterm"), args...), t: t, done: make(chan error, 1), ended: make(chan struct{})}
	p.Stdout, p.Stderr = out.File, out.File
	p.Cancel, p.WaitDelay = func() error { return p.Process.Signal(syscall.SIGTERM) }, patience
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.done <- p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { <-p.ended })
	return p
}

// visible waits until the terminal shows rows that have all of some texts.
func visible(t *testing.T, out *ptytest.Terminal, texts ...string) []string {
	t.Helper()
	var rows []string
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		rows = out.Screen.Rows()
		all := strings.Join(rows, "\n")
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(all, text) }) {
			return rows
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all of %q in\n%s", texts, all)
		}
	}
}

// On a terminal run shows a panel below its log, in the size of the terminal, and takes it
// away in the end.
func TestRunOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	out := ptytest.Open(t, 80, 24)
	p := onTerminal(t, dir, nil, out, "run")
	rows := visible(t, out, "follows 1 chain in data folder data", "ethereum head", "seaport/bulk-cancel", "seaport/list", "18,270,780", "following")
	panel := rows[slices.IndexFunc(rows, func(row string) bool { return strings.Contains(row, "Ctrl-C stops") }):]
	for _, row := range panel {
		if table.Width(row) > 79 || strings.Contains(row, "level=") {
			t.Errorf("in the panel: %q", row)
		}
	}
	if len(panel) > 18 || !strings.Contains(strings.Join(rows, "\n"), "level=INFO") {
		t.Errorf("there is no log above it:\n%s", strings.Join(rows, "\n"))
	}
	out.Resize(60, 9) // no room for every stream
	visible(t, out, "ethereum, 5 streams", "following")
	p.ends(syscall.SIGINT)
	out.End()
	rows = slices.DeleteFunc(out.Screen.Rows(), func(row string) bool { return row == "" })
	if last := rows[len(rows)-1]; !strings.Contains(last, "msg=stopped") {
		t.Errorf("in the end there is\n%s", strings.Join(rows, "\n"))
	}
}

// The JSON of verify is safe to print on a terminal.
func TestJSONOfVerifyOnATerminal(t *testing.T) {
	out := ptytest.Open(t, 80, 24)
	if err := jsonLine(cli.NewScreen(cli.Guard(out.File)), "\u009b31m\u202e"); err != nil {
		t.Fatal(err)
	}
	if got, want := out.End(), `"\u009b31m\u202e"`+"\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// foreign is what a node, a contract or a file may say.
const foreign = "\x1b[2J\x1b]0;title\a\u009b31m\x7f\u202e\u2066\u2028\u200b"

// Whatever files and documents have in them, no command lets it control a terminal.
func TestNoCommandShowsControlCharacters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bad.yaml":    "chains:\n  x" + foreign + ": [\n",
		"market.yaml": "market: x\nabout: a" + foreign + "\nstreams: {" + foreign + ": 1}\n",
		"orders.json": "{\"a\": \"" + foreign + "\"}\n",
		"profile.yml": "faults: [a" + foreign + "]\n",
		"abi.json":    `[{"type": "event", "name": "A` + "\u009b\u202e" + `", "inputs": []}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logs := filepath.Join(dir, "logs", "evm")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(logs, "error.log"), []byte("said "+foreign+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hostileData(t, filepath.Join(dir, "data"))
	for _, args := range [][]string{
		{"config", "check", "--config", "bad.yaml"}, {"markets", "check", "market.yaml"}, {"markets", "show", "./market.yaml"}, {"markets", "new", "abi.json", "--name", foreign},
		{"tail", "evm/error.log", "--log-dir", "logs"}, {"faults", "--upstream", "http://127.0.0.1:1", "--profile", "./profile.yml"}, {"unknown" + foreign}, {"status", "--unknown" + foreign},
		{"status", "--data", "data"}, {"status", "--data", "data", "--all"}, {"status", "--data", "data", "--json"}, {"status", "--data", "no" + foreign},
		{"query", "--data", "data", "actors"}, {"query", "--data", "data", "orders", foreign}, {"hooks", "list", "--data", "data"},
	} {
		out := ptytest.Open(t, 200, 50)
		p := onTerminal(t, dir, []string{"NO_COLOR=1"}, out, args...)
		<-p.ended
		shown := out.End()
		if shown == "" || strings.ContainsFunc(strings.ReplaceAll(shown, "\r\n", ""), func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }) {
			t.Errorf("%.60q shows\n%q", args, shown)
		}
	}
}

// hostileData makes a data folder with an actor that fails, for a reason and on a node with
// hostile names.
func hostileData(t *testing.T, dir string) {
	t.Helper()
	store, err := embedded.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	epoch, err := store.TakeOver(t.Context(), "ethereum", "node"+foreign)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := store.Claim(t.Context(), persistence.Claim{ID: "ethereum/head", Kind: "head", Chain: "ethereum", Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	report := persistence.Report{Status: persistence.Retrying, Head: 7, LastError: foreign, Endpoints: []persistence.Endpoint{{Host: foreign, LastError: foreign}}}
	if err := store.Report(t.Context(), actor.Ref(), report); err != nil {
		t.Fatal(err)
	}
}

// With --no-panel or --log-format json there is no panel.
func TestRunWithoutPanel(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	for _, option := range []string{"--no-panel", "--log-format=json"} {
		dir := t.TempDir()
		configured(t, dir, node.URL(), 1)
		out := ptytest.Open(t, 500, 24)
		p := onTerminal(t, dir, nil, out, "run", option)
		visible(t, out, "every stream has caught up")
		p.ends(syscall.SIGTERM)
		if raw := out.End(); strings.Contains(raw, "\x1b") || strings.Contains(raw, "Ctrl-C") {
			t.Errorf("%s: %q", option, raw)
		}
	}
}

// After kill -9 the status of a folder says that no worker is running, and so does --watch,
// which fits its terminal.
func TestStatusAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	p := launch(t, dir, "run")
	p.says("every stream has caught up")
	const idle = "no worker is running: the last write was"
	if said := output(t, dir, "status", "--config", file); strings.Contains(said, "no worker") || strings.Contains(said, "was ") {
		t.Errorf("while it runs:\n%s", said)
	}
	out := ptytest.Open(t, 80, 24)
	watch := onTerminal(t, dir, nil, out, "status", "--data", filepath.Join(dir, "data"), "--watch=50ms")
	visible(t, out, "seaport", "5 streams following", "ethereum  ", " up ")
	_ = p.Process.Kill()
	<-p.ended
	visible(t, out, idle, "5 streams were following")
	out.Resize(60, 14)
	visible(t, out, idle, "18,270,780")
	watch.ends(syscall.SIGINT)
	out.End()
	if wrapped, unknown := out.Screen.Wrapped(); wrapped > 0 || len(unknown) > 0 {
		t.Errorf("%d lines wrapped, and %q", wrapped, unknown)
	}
	if said := output(t, dir, "status", "--config", file); !strings.HasPrefix(said, idle) || !strings.Contains(said, "was following") {
		t.Errorf("after the kill:\n%s", said)
	}
	again := launch(t, dir, "run") // status released the lock of the folder
	again.says("every stream has caught up")
	again.ends(syscall.SIGTERM)
}

// The status of a database says so once a node's heartbeat is old by the server's clock.
func TestClusterStatusAfterAKill(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	one := c.start("one")
	c.until("one has both", ownedBy("one", "one"))
	if said := c.output(t, "status"); strings.Contains(said, "no worker") {
		t.Errorf("while it runs:\n%s", said)
	}
	one.kill()
	eventually(t, "status says that no worker is running", func() bool {
		return strings.HasPrefix(c.output(t, "status"), "no worker is running: the last heartbeat of a node was ")
	})
	expect(t, c.output(t, "status"), "(gone)")
	c.start("two") // which ends what the other has left open
	c.until("two has both", ownedBy("two", "two"))
}
