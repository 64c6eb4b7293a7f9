package commands

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
)

// TestRunOnce runs a configuration as for a real chain, whose node happens to be
// on this machine.
func TestRunOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := configured(t, dir, recordedNode(t, "ethereum").URL()+"/v2/s3cretkey", 1)
	_, stderr, code := result(t, dir, nil, "run", "--config", file, "--once", "--log-format", "json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var said []string
	for line := range strings.Lines(stderr) {
		var entry struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a line of the log is no JSON: %s", line)
		}
		said = append(said, entry.Msg)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "every stream has caught up") || said[len(said)-1] != "stopped" {
		t.Errorf("the log:\n%s", text)
	}
	if strings.Contains(stderr, "s3cretkey") {
		t.Errorf("the log shows a secret:\n%s", stderr)
	}
	if n := len(find(t, filepath.Join(dir, "data"), "activities", `{kind: {$in: ["bought", "offer_accepted"]}}`)); n != 34 {
		t.Errorf("%d sales, want 34", n)
	}
	if tree := output(t, dir, "status", "--config", file); !strings.Contains(tree, "order-bulk-cancel") {
		t.Errorf("status by configuration:\n%s", tree)
	}
}

// TestMaxUnfinal follows fewer blocks by hash than the node says are not final.
func TestMaxUnfinal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	withOption(t, configured(t, dir, recordedNode(t, "ethereum").URL(), 1), "maxUnfinal: 10")
	output(t, dir, "run", "--once")
	if n := len(find(t, filepath.Join(dir, "data"), "actors", `{kind: "head", head: 18270780, finalized: 18270770}`)); n != 1 {
		t.Error("other blocks count as final")
	}
}

// TestRunStops ends a run by both signals.
func TestRunStops(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		dir := t.TempDir()
		configured(t, dir, node.URL(), 1)
		p := launch(t, dir, "run")
		p.says("every stream has caught up")
		p.ends(signal)
		p.says("stopped")
		if docs := find(t, filepath.Join(dir, "data"), "actors", `{kind: {$in: ["chain", "head", "market", "orders", "worker", "subject"]}, state: {$ne: "stopped"}}`); len(docs) > 0 {
			t.Errorf("after %v there are actors that are not stopped: %v", signal, docs)
		}
	}
}

// TestRunOutlivesItsEndpoint takes the endpoint away from a running process: it
// says so on the actors' documents and ends as always.
func TestRunOutlivesItsEndpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	node := recordedNode(t, "ethereum")
	configured(t, dir, node.URL(), 1)
	p := launch(t, dir, "run")
	p.says("every stream has caught up")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	eventually(t, "the head says that it retries", func() bool {
		return len(find(t, data, "actors", `{kind: "head", state: "retrying", restarts: 0, lastError: {$exists: true}}`)) == 1
	})
	p.ends(syscall.SIGTERM)
}

// TestRealChainsMustBeWithoutGaps follows the recording of Aptos as if it were the
// chain itself, in which no number is missing: it must not go over the gaps.
func TestRealChainsMustBeWithoutGaps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := `data: data
chains:
  aptos:
    kind: aptos
    chainId: 1
    endpoint: ` + recordedNode(t, "aptos").URL() + `
    markets:
      tradeport: {streams: [delist], start: {delist: 45628}}
`
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "run", "--once")
	p.says("gap in the chain's events")
	data := filepath.Join(dir, "data")
	eventually(t, "the subject says that it retries", func() bool {
		return len(find(t, data, "actors", `{kind: "subject", state: "retrying", restarts: 0, lastError: {$exists: true}}`)) == 1
	})
	expectAtStart(t, data, "aptos/tradeport/delist/subject")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.says("interrupted before every stream had caught up")
	if err := <-p.done; err == nil {
		t.Error("exit code 0 though it had not caught up")
	}
	if n := len(find(t, data, "activities", `{}`)); n != 0 {
		t.Errorf("%d activities beyond a gap", n)
	}
}

// expectAtStart expects status to show that nothing was read of an Aptos stream. Its start
// is the number of an event, from which its lag cannot be known.
func expectAtStart(t *testing.T, data, id string) {
	t.Helper()
	var status struct{ Chains []*branch }
	if err := json.Unmarshal([]byte(output(t, data, "status", "--data", data, "--json")), &status); err != nil {
		t.Fatal(err)
	}
	var a *persistence.Actor
	for _, root := range status.Chains {
		root.walk(func(b *branch) {
			if b.Actor != nil && b.Actor.ID == id {
				a = b.Actor
			}
		})
	}
	if a == nil || a.Lag <= 0 || a.Lag != a.Head-a.Height() {
		t.Fatalf("status as JSON: %+v", a)
	}
	tree := output(t, data, "status", "--data", data)
	for line := range strings.Lines(tree) {
		if cells := strings.Fields(line); slices.Contains(cells, "subject") {
			if i := slices.Index(cells, human.Grouped(a.Head)); i < 1 || cells[i-1] != "start" || cells[i+1] != persistence.Retrying {
				t.Errorf("not at its start: %s", line)
			}
			return
		}
	}
	t.Errorf("no subject in the tree:\n%s", tree)
}

// A run logs into files too, says one line a chain when it has caught up, and no
// secret anywhere.
func TestRunLogsIntoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL()+"/v2/s3cretkey", 1)
	environ := []string{"EVENT_WORKER_LOG_DIR=elsewhere", "EVENT_WORKER_LOG_FORMAT=json"}
	_, stderr, code := result(t, dir, environ, "run", "--once", "--log-dir", "logs")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, text := range []string{
		`"msg":"starting","node":`, `"data":"data folder data"`, `"msg":"chain acquired","chain":"ethereum","epoch":1}`,
		`"msg":"summary","chain":"ethereum","streams":5,"events":45,"lag":0,"retrying":0}`, `"msg":"every stream has caught up"`, `"msg":"stopped"`,
	} {
		if strings.Count(stderr, text) != 1 {
			t.Errorf("it does not say %q once:\n%s", text, stderr)
		}
	}
	if strings.Contains(stderr, "s3cretkey") {
		t.Errorf("the log shows a secret:\n%s", stderr)
	}
	ofChain, ofNode := read(t, dir, "logs", "evm", "info.log"), read(t, dir, "logs", "node", "info.log")
	warnings := read(t, dir, "logs", "evm", "warn.log") // a recording answers no calls
	if strings.Count(warnings, "no endpoint answers calls of contracts") != 1 {
		t.Errorf("it warns:\n%s", warnings)
	}
	if lines := strings.Count(ofChain+ofNode+warnings, "\n"); lines != strings.Count(stderr, "\n") || !strings.Contains(ofChain, "chain acquired") || !strings.Contains(ofNode, "stopped") {
		t.Errorf("%d lines, of chains:\n%sof none:\n%s", lines, ofChain, ofNode)
	}
	if cli.Exists(filepath.Join(dir, "elsewhere")) {
		t.Error("the folder of the environment wins over the flag's")
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
