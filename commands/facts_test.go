package commands

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/internal/thorough"
)

// trading is a real Seaport, and a folder whose configuration follows it.
type trading struct {
	*seaporttest.World
	t   *testing.T
	dir string
	url string // of health and metrics
}

func newTrading(t *testing.T) *trading {
	t.Helper()
	w := &trading{World: seaporttest.Start(t), t: t, dir: t.TempDir()}
	w.configure("")
	return w
}

// configure writes the configuration, with options of the market.
func (w *trading) configure(options string) {
	w.t.Helper()
	address := unusedAddress(w.t)
	w.url = "http://" + address
	text := fmt.Sprintf(`data: data
monitor: {listen: %q}
cluster: {poll: 100ms, ttl: 20s}
chains:
  anvil:
    kind: evm
    chainId: %d
    endpoint: %s
    poll: 20ms
    confirmations: 64
    markets:
      seaport: {start: 1, contracts: {seaport: %q}%s}
`, address, seaporttest.ChainID, w.URL(), w.Seaport, options)
	if err := os.WriteFile(filepath.Join(w.dir, defaultConfig), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// ask has a maker ask for 1 coin for one of the maker's tokens.
func (w *trading) ask(token int64) *seaporttest.Order {
	w.t.Helper()
	return w.Create(seaporttest.Ask, w.Makers[0], w.Input(seaporttest.Ask, seaporttest.Terms{Token: token, Price: big.NewInt(1e18)}))
}

// list has a maker list a token on chain.
func (w *trading) list(token int64) *seaporttest.Order {
	w.t.Helper()
	o := w.ask(token)
	w.must(w.Validate(o))
	return o
}

func (w *trading) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// hand hands a signed order in, by its file.
func (w *trading) hand(environ []string, orders ...*seaporttest.Order) {
	w.t.Helper()
	var text []byte
	for _, o := range orders {
		line, err := json.Marshal(o)
		w.must(err)
		text = append(append(text, line...), '\n')
	}
	w.must(os.WriteFile(filepath.Join(w.dir, "orders.jsonl"), text, 0o600))
	args := []string{"orders", "import", "orders.jsonl", "--chain", "anvil", "--market", "seaport"}
	if len(environ) == 0 {
		args = append(args, "--data", "data")
	}
	stdout, stderr, code := result(w.t, w.dir, environ, args...)
	if want := fmt.Sprintf("%d inserted", len(orders)); code != 0 || !strings.Contains(stdout, want) {
		w.t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// said is what the documents of orders say: status, and whether they are fillable.
func (w *trading) said(environ []string, orders ...*seaporttest.Order) string {
	w.t.Helper()
	args := []string{"query", "orders"}
	if len(environ) == 0 {
		args = append(args, "--data", "data")
	}
	stdout, stderr, code := result(w.t, w.dir, environ, args...)
	if code != 0 {
		w.t.Fatal(stderr)
	}
	byKey := map[string]string{}
	for line := range strings.Lines(stdout) {
		var doc struct {
			Key, Status string
			Fillable    *struct {
				Answer  string
				Reasons []string
			}
		}
		w.must(json.Unmarshal([]byte(line), &doc))
		hash, _, _ := strings.Cut(doc.Key, "@")
		byKey[hash] = doc.Status
		if f := doc.Fillable; f != nil {
			byKey[hash] = strings.TrimSpace(doc.Status + " " + f.Answer + " " + strings.Join(f.Reasons, " "))
		}
	}
	var all []string
	for _, o := range orders {
		all = append(all, byKey[o.Hash.Hex()])
	}
	return strings.Join(all, ", ")
}

// expect waits until the documents of orders say something.
func (w *trading) expect(environ []string, want string, orders ...*seaporttest.Order) {
	w.t.Helper()
	got := ""
	defer func() {
		if w.t.Failed() {
			w.t.Logf("it says %q", got)
		}
	}()
	eventually(w.t, want, func() bool { got = w.said(environ, orders...); return got == want })
}

// A user's day with a real Seaport: the stream of facts is in every command.
func TestFactsInTheCommands(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	w := newTrading(t)
	listed, signed := w.list(1), w.ask(2)
	output(t, w.dir, "run", "--once")
	if got := w.said(nil, listed); got != "LISTING yes" {
		t.Fatalf("caught up, it says %q", got)
	}
	w.hand(nil, signed)
	w.Mine(1)
	w.must(w.TransferERC721(w.Makers[0], w.Vault, 1))
	output(t, w.dir, "run", "--once")
	if got := w.said(nil, listed, signed); got != "LISTING no owner, LISTING yes" {
		t.Fatalf("a token is gone, an order came: it says %q", got)
	}
	height := w.Head().Number
	if tree := output(t, w.dir, "status", "--data", "data"); !strings.Contains(tree, "order-state") {
		t.Errorf("status:\n%s", tree)
	}
	if list := output(t, w.dir, "status", "--data", "data", "--brief"); !strings.Contains(list, "state") {
		t.Errorf("status --brief:\n%s", list)
	}

	// It follows the chain, is ready, and tells.
	p := launch(t, w.dir, "run")
	p.says("every stream has caught up")
	w.must(w.TransferERC721(w.Vault, w.Makers[0], 1))
	w.expect(nil, "LISTING yes, LISTING yes", listed, signed)
	m := observed{&member{p, "alone"}, w.url}
	m.answers("/readyz", 200, "ready")
	m.answers("/metrics", 200, `event_worker_facts_orders_total{chain="anvil",market="seaport"} [1-9].*`)
	m.answers("/metrics", 200, `event_worker_facts_calls_total{chain="anvil",market="seaport"} [1-9].*`)
	m.answers("/metrics", 200, fmt.Sprintf(`event_worker_stream_seq{chain="anvil",market="seaport",stream="state"} %d`, w.Head().Number))
	p.ends(syscall.SIGTERM)

	// They go back with the others, and so do the answers to signed orders.
	said := output(t, w.dir, "rewind", "anvil", "--to", fmt.Sprint(height-2), "--data", "data")
	if !strings.Contains(said, "anvil/seaport/state") {
		t.Errorf("rewind does not tell of facts:\n%s", said)
	}
	data := filepath.Join(w.dir, "data")
	if n := len(find(t, data, "signed_orders", `{state: "pending"}`)); n != 1 {
		t.Errorf("%d signed orders are pending after the rewind", n)
	}
	if n := len(find(t, data, "activities", fmt.Sprintf(`{"position.height": {$gt: %d}}`, height-2))); n != 0 {
		t.Errorf("%d activities are beyond the rewind's height", n)
	}
	w.Mine(1)
	output(t, w.dir, "run", "--once")
	if got := w.said(nil, listed, signed); got != "LISTING yes, LISTING yes" {
		t.Errorf("read again, it says %q", got)
	}
	if said := output(t, w.dir, "retry", "--data", "data"); said != "There are no dead letters to retry.\n" {
		t.Error(said)
	}

	// Switched off, what they have said is no longer kept: a warning says so.
	for options, want := range map[string]int{", facts: false": 1, ", streams: [list, buy]": 0, "": 0} {
		w.configure(options)
		_, stderr, code := result(t, w.dir, nil, "run", "--once")
		if code != 0 || strings.Count(stderr, "facts are switched off") != want {
			t.Errorf("%q: exit code %d, %s", options, code, stderr)
		}
	}
	w.must(w.Cancel(listed))
	w.configure(", streams: [list, buy]") // the contract tells of what no stream does
	output(t, w.dir, "run", "--once")
	if got := w.said(nil, listed, signed); got != "CANCELED, LISTING yes" {
		t.Errorf("cancelled, it says %q", got)
	}
}

// The documents and signed orders are copied to MongoDB and back, and facts go on there.
func TestFactsAreCopied(t *testing.T) {
	t.Parallel()
	w := newTrading(t)
	listed, signed := w.list(1), w.ask(2)
	output(t, w.dir, "run", "--once")
	w.hand(nil, signed)
	w.Mine(1)
	output(t, w.dir, "run", "--once")
	d, folder, back := newDatabase(t), filepath.Join(w.dir, "data"), filepath.Join(t.TempDir(), "back")
	d.output(t, copyThere(folder)...)
	d.output(t, copyBack(back)...)
	if before := everything(t, folder); d.everything(t) != before || everything(t, back) != before || !strings.Contains(before, signed.Hash.Hex()) {
		t.Error("the copies are not the same")
	}
	w.must(w.TransferERC721(w.Makers[0], w.Vault, 1))
	if _, stderr, code := result(t, w.dir, d, "run", "--once"); code != 0 {
		t.Fatal(stderr)
	}
	if got := w.said(d, listed, signed); got != "LISTING no owner, LISTING yes" {
		t.Errorf("on the copy it says %q", got)
	}
}

// A node takes a chain over from one that is killed: it asks about all orders itself, also
// about what has changed meanwhile.
func TestFactsAreTakenOver(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	w := newTrading(t)
	d := database{"MONGODB_URI=" + mongotest.Database(t)}
	environ := func(name string) []string {
		return append([]string{"EVENT_WORKER_NODE=" + name, "EVENT_WORKER_CLUSTER_TTL=1500ms", "EVENT_WORKER_MONITOR_LISTEN=127.0.0.1:0"}, d...)
	}
	listed, signed := w.list(1), w.ask(2)
	one := launchIn(t, w.dir, environ("one"), "run")
	one.says(`msg="chain acquired"`)
	w.expect(d, "LISTING yes", listed)
	two := launchIn(t, w.dir, environ("two"), "run")
	two.says("joined")
	w.hand(d, signed)
	w.Mine(1)
	w.expect(d, "LISTING yes, LISTING yes", listed, signed)
	_ = one.Process.Kill()
	<-one.ended
	w.must(w.TransferERC721(w.Makers[0], w.Vault, 1))
	w.must(w.SetApprovalForAll(w.Makers[0], w.ERC721, w.Conduit, false))
	two.says(`msg="chain acquired"`)
	w.expect(d, "LISTING no owner, LISTING no approval", listed, signed)
	// Handed over gracefully to a third.
	three := launchIn(t, w.dir, environ("three"), "run")
	three.says("joined")
	two.ends(syscall.SIGTERM)
	w.must(w.SetApprovalForAll(w.Makers[0], w.ERC721, w.Conduit, true))
	w.expect(d, "LISTING no owner, LISTING yes", listed, signed)
	three.ends(syscall.SIGTERM)
}
