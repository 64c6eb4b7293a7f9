package commands

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/hostile"
	"github.com/imart/event-worker/internal/thorough"
)

var everyAnswer = flag.Bool("hostile", false, "give every hostile answer over every transport, not only some: minutes")

// Whatever a node answers, a worker stays within its memory, and goes on once the node is
// honest.
func TestWorkersWithstandHostileNodes(t *testing.T) {
	thorough.Only(t)
	evm, aptos := recordedNode(t, "ethereum"), recordedNode(t, "aptos")
	for i, c := range []struct {
		name, scheme, chain, options string
		honest                       http.Handler
		methods                      []string
	}{
		{"logs", "http", "ethereum", "kind: evm, markets: {seaport: {start: 15990000}}", evm, []string{"eth_getLogs"}},
		{"headers", "http", "ethereum", "kind: evm, markets: {seaport: {start: 15990000}}", evm, []string{"eth_getBlockByNumber"}},
		{"WebSocket", "ws", "ethereum", "kind: evm, markets: {seaport: {start: 15990000}}", evm, []string{"eth_getLogs"}},
		{"Aptos", "http", "aptos", "kind: aptos, recorded: true, markets: {tradeport: {}}", aptos, []string{"/events/", "/transactions"}},
	} {
		answers := hostile.Answers()
		if c.scheme == "ws" {
			answers = append(answers, hostile.Frames()...)
		}
		for j, answer := range answers {
			if i > 0 && i%3 != j%3 && !*everyAnswer {
				continue
			}
			t.Run(c.name+"/"+answer.Name, func(t *testing.T) {
				t.Parallel()
				node := &hostile.Node{Honest: c.honest, Methods: c.methods, Answer: answer}
				server := httptest.NewServer(node)
				t.Cleanup(server.Close)
				url := c.scheme + strings.TrimPrefix(server.URL, "http")
				if c.chain == "aptos" {
					url += "/v1"
				}
				followsHostile(t, node, fmt.Sprintf("data: data\nchains: {%s: {chainId: 1, endpoint: %q, poll: 100ms, timeout: 5s, %s}}\n", c.chain, url, c.options))
			})
		}
	}
}

// moduleEvents is a market of module events: of its ledger every transaction is read.
const moduleEvents = `market: modules
kind: aptos
chains: {mainnet: {chainId: 1, account: "0x5"}}
types: |
  struct shop::Sold { listing_id: u64, buyer: address, price: u64 }
streams:
  buy:
    event: shop::Sold
    becomes: {kind: bought, order: '"ask-" + listing_id', taker: buyer, quantity: 1, price: price, currency: '"0x1::aptos_coin::AptosCoin"'}
`

// Whatever the transaction stream answers, a worker goes on with the REST API.
func TestWorkersWithstandHostileStreams(t *testing.T) {
	thorough.Only(t)
	node := recordedNode(t, "aptos")
	for i, answer := range hostile.StreamAnswers() {
		if i%6 != 0 && !*everyAnswer {
			continue
		}
		t.Run(answer.Name, func(t *testing.T) {
			t.Parallel()
			definition := filepath.Join(t.TempDir(), "modules.yaml")
			if err := os.WriteFile(definition, []byte(moduleEvents), 0o600); err != nil {
				t.Fatal(err)
			}
			worker := running(t, fmt.Sprintf("data: data\ndefinitions: [%q]\nchains: {aptos: {kind: aptos, chainId: 1, endpoint: %q, stream: %q, poll: 100ms, timeout: 2s, recorded: true, markets: {modules: {start: 2386890900}}}}\n",
				definition, node.URL(), answer.Stream(t)))
			worker.says("the transaction stream failed")
			worker.says("every stream has caught up")
			staysSmall(t, worker)
		})
	}
}

// Whatever receivers of webhooks answer, a worker delivers to the others meanwhile, and to
// them once they are honest.
func TestWorkersWithstandHostileReceivers(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	var receivers []*hostile.Node
	configuration := "hooks:\n"
	for i, answer := range hostile.Answers() {
		receiver := &hostile.Node{Honest: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Methods: []string{"/hook"}, Answer: answer}
		server := httptest.NewServer(receiver)
		t.Cleanup(server.Close)
		receivers = append(receivers, receiver)
		configuration += fmt.Sprintf("  h%d: {url: %q, secret: sixteen bytes or more}\n", i, server.URL+"/hook")
	}
	worker := running(t, configuration+fmt.Sprintf("data: data\nchains: {ethereum: {kind: evm, chainId: 1, endpoint: %q, poll: 100ms, markets: {seaport: {start: 15990000}}}}\n", recordedNode(t, "ethereum").URL()))
	worker.says("every stream has caught up")
	for i, r := range receivers {
		eventually(t, "receiver "+r.Answer.Name+" is asked", func() bool { return r.Answered() >= 1 })
		receivers[i].Redeem()
	}
	all := len(find(t, filepath.Join(worker.Dir, "data"), "activities", `{}`))
	eventually(t, "all receivers have all events", func() bool {
		return len(find(t, filepath.Join(worker.Dir, "data"), "hooks", fmt.Sprintf(`{events: %d, dead: 0}`, all))) == len(receivers)
	})
	staysSmall(t, worker)
}

// running runs a worker of a configuration.
func running(t *testing.T, configuration string) *process {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, dir, "run")
}

// followsHostile runs a worker that follows a hostile node, which becomes honest.
func followsHostile(t *testing.T, node *hostile.Node, configuration string) {
	t.Helper()
	worker := running(t, configuration)
	least := int64(2)
	if node.Answer.Frame != "" { // connections
		least = 1
	}
	eventually(t, "the node is asked", func() bool { return node.Answered() >= least })
	node.Redeem()
	worker.says("every stream has caught up")
	staysSmall(t, worker)
}

// staysSmall checks what a worker has taken, and stops it.
func staysSmall(t *testing.T, worker *process) {
	t.Helper()
	if peak := hostile.Peak(t, worker.Process.Pid); peak > maxPeak {
		t.Errorf("the worker has taken %d MiB", peak>>20)
	} else {
		t.Logf("at most %d MiB", peak>>20)
	}
	worker.ends(syscall.SIGTERM)
}
