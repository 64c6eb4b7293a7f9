package evm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
)

// codes is a node that knows no more than its head and since when there is code where.
type codes struct {
	head  int64
	since map[string]int64 // by address
	state int64            // the lowest block whose state it has
	said  string           // of the others
	falls bool             // who answers next has seen 10 blocks only
	asked int              // eth_getCode
}

func (n *codes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Method string
		Params []string
	}
	_ = json.NewDecoder(r.Body).Decode(&request)
	answer := `"result":"` + eth.Quantity(gethChainID) + `"`
	switch request.Method {
	case "eth_blockNumber":
		answer = `"result":"` + eth.Quantity(n.head) + `"`
		if n.falls {
			n.head = 10
		}
	case "eth_getCode":
		n.asked++
		height, _ := strconv.ParseInt(strings.TrimPrefix(request.Params[1], "0x"), 16, 64)
		since, is := n.since[request.Params[0]]
		switch {
		case height > n.head:
			answer = `"result":null`
		case height < n.state:
			answer = `"error":{"code":-32000,"message":"` + n.said + `"}`
		case is && height >= since:
			answer = `"result":"0x6001"`
		default:
			answer = `"result":"0x"`
		}
	}
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":0,%s}`, answer)
}

// deployment asks a chain that has the node alone.
func (n *codes) deployment(t *testing.T, addresses ...string) (int64, error) {
	server := httptest.NewServer(n)
	defer server.Close()
	chain, err := New(Config{Endpoints: []chains.Endpoint{{URL: server.URL, Pacing: fastPacing}}, ChainID: gethChainID})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	return chain.Deployment(t.Context(), addresses)
}

// TestDeploymentIsTheLeast finds the least of all blocks from which on there is code, with
// few questions.
func TestDeploymentIsTheLeast(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := &codes{head: rapid.Int64Range(0, 1<<20).Draw(r, "head"), since: map[string]int64{}}
		var addresses []string
		want := n.head + 1
		for i := range rapid.IntRange(1, 4).Draw(r, "contracts") {
			address := fmt.Sprintf("0x%040x", i)
			addresses = append(addresses, address)
			if rapid.Bool().Draw(r, "is deployed") {
				n.since[address] = rapid.Int64Range(0, n.head).Draw(r, "since")
				want = min(want, n.since[address])
			}
		}
		got, err := n.deployment(t, addresses...)
		if none := want > n.head; none != errors.Is(err, ErrNoCode) || !none && (err != nil || got != want) {
			r.Errorf("block %d (%v), want %d", got, err, want)
		}
		if most := len(addresses) * 22; n.asked > most {
			r.Errorf("%d questions, %d at most", n.asked, most)
		}
	})
}

// TestDeploymentNeedsState names what to configure when a node has not kept old states.
func TestDeploymentNeedsState(t *testing.T) {
	for _, said := range []string{
		"missing trie node 8b1604e0d19d9be9a94cab027e74134e674bccdb (path ) state 0x8b16 is not available",
		"required historical state unavailable (reexec=128)",
		"historical state not available in path scheme yet",
		"No state available for block 0x64",
		"This request is not supported because your node is running with state pruning. Run with --pruning=archive.",
		"state has been pruned at block 100",
		"Archive access is required: upgrade your plan",
	} {
		n := &codes{head: 1000, state: 900, said: said, since: map[string]int64{"0xa": 100}}
		_, err := n.deployment(t, "0xa")
		if !errors.Is(err, ErrNoState) || !strings.Contains(err.Error(), "configure an archive node, or the market's start as a block's number") {
			t.Errorf("%s: %v", said, err)
		}
	}
	n := &codes{head: 1000, state: 900, said: "too many requests", since: map[string]int64{"0xa": 100}}
	if _, err := n.deployment(t, "0xa"); err == nil || errors.Is(err, ErrNoState) {
		t.Errorf("a limit of requests is not told from missing state: %v", err)
	}
}

// TestDeploymentAtALaggingNode is tried again, and not taken for an answer.
func TestDeploymentAtALaggingNode(t *testing.T) {
	n := &codes{head: 1000, falls: true, since: map[string]int64{"0xa": 100}}
	if _, err := n.deployment(t, "0xa"); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("%v, want %v", err, chains.ErrAhead)
	}
}

func TestDeploymentOnGeth(t *testing.T) {
	g := startGeth(t)
	g.mineBlocks(5)
	contract := g.deploy()
	g.mineBlocks(5)
	chain := open(t, g.url)
	if head, err := chain.Head(t.Context()); err != nil || head != 11 {
		t.Errorf("head %d, %v", head, err)
	}
	if got, err := chain.Deployment(t.Context(), []string{contract.Hex()}); err != nil || got != 6 {
		t.Errorf("block %d, %v, want 6", got, err)
	}
	if got, err := chain.Deployment(t.Context(), []string{contract.Hex(), contracts[0].Hex()}); err != nil || got != 0 {
		t.Errorf("with one of the genesis block: %d, %v", got, err)
	}
	if _, err := chain.Deployment(t.Context(), []string{"0x00000000000000000000000000000000000000Aa"}); !errors.Is(err, ErrNoCode) {
		t.Errorf("of no contract: %v", err)
	}
}

// deploy mines a block that makes a contract.
func (g *geth) deploy() common.Address { return g.deployCode([]byte{1}) }
