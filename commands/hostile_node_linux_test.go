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
)

var everyAnswer = flag.Bool("hostile", false, "give every hostile answer over every transport, not only some: minutes")

// Whatever a node answers, a worker stays within its memory, and goes on once the node is
// honest.
func TestWorkersWithstandHostileNodes(t *testing.T) {
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
		for j, answer := range hostile.Answers() {
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

// followsHostile runs a worker that follows a hostile node, which becomes honest.
func followsHostile(t *testing.T, node *hostile.Node, configuration string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	worker := launch(t, dir, "run")
	eventually(t, "the node is asked", func() bool { return node.Answered() >= 2 })
	node.Redeem()
	worker.says("every stream has caught up")
	if peak := hostile.Peak(t, worker.Process.Pid); peak > maxPeak {
		t.Errorf("the worker has taken %d MiB", peak>>20)
	} else {
		t.Logf("at most %d MiB", peak>>20)
	}
	worker.ends(syscall.SIGTERM)
}
