package evm

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/params"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// geth is a real go-ethereum node with its JSON-RPC over HTTP, that mines and
// forks on demand. On its chain are contracts that log what they are called with.
type geth struct {
	t     *testing.T
	sim   *simulated.Backend
	url   string
	key   *ecdsa.PrivateKey
	from  common.Address
	mined int // transactions made, so that no two blocks are alike
}

const gethChainID = 1337

// emitter is a contract that logs its input: two topics, and the rest as data.
var emitter = []byte{
	0x60, 0x40, 0x36, 0x03, // size = CALLDATASIZE - 64
	0x80, 0x60, 0x40, 0x60, 0x00, 0x37, // CALLDATACOPY(0, 64, size)
	0x60, 0x00, 0x35, 0x60, 0x20, 0x35, // topic 0, topic 1
	0x91, 0x60, 0x00, 0xa2, 0x00, // LOG2(0, size, topic 0, topic 1)
}

var (
	contracts = []common.Address{{0xc0, 19: 1}, {0xc0, 19: 2}, {0xc0, 19: 3}}
	topics    = []common.Hash{{0xaa}, {0xbb}, {0xcc}}
)

// sources overlap, and leave out some of what the contracts log.
var sources = []markets.Source{
	{Addresses: []string{contracts[0].Hex()}, Topics: []string{topics[0].Hex()}},
	{Addresses: []string{contracts[0].Hex(), contracts[1].Hex()}, Topics: []string{topics[0].Hex(), topics[1].Hex()}},
	{Addresses: []string{contracts[1].Hex()}},
}

func startGeth(t *testing.T) *geth {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	g := &geth{t: t, key: key, from: crypto.PubkeyToAddress(key.PublicKey)}
	alloc := types.GenesisAlloc{g.from: {Balance: new(big.Int).Mul(big.NewInt(1e9), big.NewInt(params.Ether))}}
	for _, contract := range contracts {
		alloc[contract] = types.Account{Code: emitter, Balance: new(big.Int)}
	}
	address := make(chan string, 1)
	g.sim = simulated.NewBackend(alloc, func(cfg *node.Config, _ *ethconfig.Config) {
		cfg.HTTPHost, cfg.HTTPPort, cfg.HTTPModules = "127.0.0.1", 0, []string{"eth"}
		cfg.Logger = log.NewLogger(addressHandler{address})
	})
	t.Cleanup(func() { g.sim.Close() })
	g.url = "http://" + <-address
	return g
}

// addressHandler finds the address on which a node listens, which it tells its log
// alone.
type addressHandler struct{ found chan<- string }

func (h addressHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h addressHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h addressHandler) WithGroup(string) slog.Handler            { return h }
func (h addressHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "HTTP server started" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "endpoint" {
				h.found <- a.Value.String()
			}
			return a.Key != "endpoint"
		})
	}
	return nil
}

// emission is a log that a contract is asked for.
type emission struct {
	contract, topic int
	data            []byte
}

// mine mines one block of transactions, one per emission, and one more that makes
// the block unlike any other at its height.
func (g *geth) mine(emissions ...emission) common.Hash {
	g.t.Helper()
	g.mined++
	nonce, err := g.sim.Client().PendingNonceAt(g.t.Context(), g.from)
	if err != nil {
		g.t.Fatal(err)
	}
	g.send(nonce, common.Address{0xee}, big.NewInt(int64(g.mined)), nil)
	for i, e := range emissions {
		input := append(topics[e.topic].Bytes(), common.BigToHash(big.NewInt(int64(g.mined))).Bytes()...)
		g.send(nonce+1+uint64(i), contracts[e.contract], nil, append(input, e.data...))
	}
	return g.sim.Commit()
}

func (g *geth) mineBlocks(n int) {
	g.t.Helper()
	for range n {
		g.mine()
	}
}

func (g *geth) send(nonce uint64, to common.Address, value *big.Int, data []byte) {
	g.t.Helper()
	tx := types.MustSignNewTx(g.key, types.LatestSignerForChainID(big.NewInt(gethChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(gethChainID), Nonce: nonce, To: &to, Value: value, Data: data,
		Gas: 200_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(params.GWei),
	})
	if err := g.sim.Client().SendTransaction(g.t.Context(), tx); err != nil {
		g.t.Fatal(err)
	}
}

// fork goes back to the block at a height: the next one mined is on a new branch.
// Its transactions that were abandoned come back into the pool, and into later
// blocks.
func (g *geth) fork(height int64) {
	g.t.Helper()
	if err := g.sim.Fork(g.block(height).Hash()); err != nil {
		g.t.Fatal(err)
	}
}

func (g *geth) block(height int64) *types.Header {
	g.t.Helper()
	header, err := g.sim.Client().HeaderByNumber(g.t.Context(), big.NewInt(height))
	if err != nil {
		g.t.Fatal(err)
	}
	return header
}

// places are those of the canonical chain's blocks up to a height.
func (g *geth) places(height int64) []markets.Place {
	g.t.Helper()
	places := make([]markets.Place, height+1)
	for number := range places {
		places[number] = markets.Place{Seq: int64(number), Hash: g.block(int64(number)).Hash().Hex()}
	}
	return places
}

// logs asks the node itself, through go-ethereum's own client, for all that a
// source has on the canonical chain.
func (g *geth) logs(source markets.Source, from int64) []types.Log {
	g.t.Helper()
	query := ethereum.FilterQuery{FromBlock: big.NewInt(from)}
	for _, address := range source.Addresses {
		query.Addresses = append(query.Addresses, common.HexToAddress(address))
	}
	if len(source.Topics) > 0 {
		query.Topics = [][]common.Hash{{}}
	}
	for _, topic := range source.Topics {
		query.Topics[0] = append(query.Topics[0], common.HexToHash(topic))
	}
	logs, err := g.sim.Client().FilterLogs(g.t.Context(), query)
	if err != nil {
		g.t.Fatal(err)
	}
	return logs
}

// open returns a chain that reads from a URL.
func open(t *testing.T, url string, change ...func(*Config)) *Chain {
	t.Helper()
	cfg := Config{URL: url, ChainID: gethChainID, Sources: sources, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	chain, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	return chain
}

// advance returns the next view, which must be another one or must not be.
func advance(t *testing.T, chain *Chain, known *chains.View, want bool) *chains.View {
	t.Helper()
	view, err := chain.Advance(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	if (view != known) != want {
		t.Fatalf("news %v, want %v: %+v then %+v", view != known, want, known, view)
	}
	return view
}

// proxy stands between a chain and its node: it counts calls and may change
// answers.
type proxy struct {
	url      string
	requests atomic.Int64
	mu       sync.Mutex
	calls    map[string]int
	answer   func(method string, params json.RawMessage, answer map[string]json.RawMessage)
}

// change changes the answers from now on.
func (p *proxy) change(answer func(method string, params json.RawMessage, answer map[string]json.RawMessage)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

type wireCall struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func startProxy(t *testing.T, node string) *proxy {
	t.Helper()
	p := &proxy{calls: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.requests.Add(1)
		response, err := http.Post(node, "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		w.Write(p.pass(body, answer))
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// pass counts the calls and returns their answers, changed.
func (p *proxy) pass(body, answer []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if body[0] != '[' {
		body, answer = append(append([]byte("["), body...), ']'), append(append([]byte("["), answer...), ']')
	}
	var calls []wireCall
	var answers []map[string]json.RawMessage
	json.Unmarshal(body, &calls)
	json.Unmarshal(answer, &answers)
	for i, call := range calls {
		p.calls[call.Method]++
		if p.answer != nil {
			p.answer(call.Method, call.Params, answers[i])
		}
	}
	out, _ := json.Marshal(answers)
	if len(calls) == 1 {
		out, _ = json.Marshal(answers[0])
	}
	return out
}

// counted returns the calls since it was last called.
func (p *proxy) counted() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted := p.calls
	p.calls = map[string]int{}
	return counted
}

var errStopped = errors.New("stopped by the test")

// contextOf returns a context that ends with errStopped.
func contextOf(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	return ctx, func() { cancel(errStopped) }
}
