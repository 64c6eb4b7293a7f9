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
	"github.com/ethereum/go-ethereum/consensus"
	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/consensus/ethash"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/ethdb"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/triedb"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// geth is a real go-ethereum node with its JSON-RPC over HTTP and WebSocket. Its blocks are
// made here, so that it forks on demand and every block holds what it should. On
// its chain are contracts that log what they are called with.
type geth struct {
	t       *testing.T
	chain   *core.BlockChain
	genesis *core.Genesis
	client  *ethclient.Client
	url     string
	key     *ecdsa.PrivateKey
	engine  consensus.Engine
	states  ethdb.Database // of all blocks made
	mined   byte           // makes blocks differ that would be the same
}

const (
	gethChainID = 1
	finality    = 32 // every 32nd block of geth becomes final at once
)

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

// sources overlap, and leave out some of what the contracts log. The last is of any contract.
var sources = []markets.Source{
	{Addresses: []string{contracts[0].Hex()}, Topics: []string{topics[0].Hex()}},
	{Addresses: []string{contracts[0].Hex(), contracts[1].Hex()}, Topics: []string{topics[0].Hex(), topics[1].Hex()}},
	{Addresses: []string{contracts[1].Hex()}},
	{Topics: []string{topics[2].Hex()}},
}

// startGeth starts a node on whose chain are the contracts, and others with their code.
func startGeth(t *testing.T, others ...map[common.Address][]byte) *geth {
	t.Helper()
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	alloc := core.SystemContractAllocs()
	alloc[crypto.PubkeyToAddress(key.PublicKey)] = types.Account{Balance: new(big.Int).Mul(big.NewInt(1e9), big.NewInt(params.Ether))}
	for _, contract := range contracts {
		alloc[contract] = types.Account{Code: emitter, Balance: new(big.Int)}
	}
	for _, codes := range others {
		for address, code := range codes {
			alloc[address] = types.Account{Code: code, Balance: new(big.Int)}
		}
	}
	g := &geth{
		t: t, key: key,
		genesis: &core.Genesis{Config: params.MergedTestChainConfig, GasLimit: 30_000_000, Difficulty: new(big.Int), Alloc: alloc},
		engine:  beacon.New(ethash.NewFaker()),
		states:  rawdb.NewMemoryDatabase(),
	}
	states := triedb.NewDatabase(g.states, triedb.HashDefaults)
	defer states.Close()
	if _, err := g.genesis.Commit(g.states, states, nil); err != nil {
		t.Fatal(err)
	}
	g.serve()
	return g
}

// serve starts the node.
func (g *geth) serve() {
	g.t.Helper()
	stack, err := node.New(&node.Config{
		HTTPHost: "127.0.0.1", HTTPModules: []string{"eth"}, HTTPTimeouts: rpc.DefaultHTTPTimeouts,
		WSHost: "127.0.0.1", WSModules: []string{"eth"}, // at the same address
		Logger: log.NewLogger(slog.DiscardHandler), P2P: p2p.Config{NoDiscovery: true},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { stack.Close() })
	cfg := ethconfig.Defaults
	cfg.Genesis, cfg.NetworkId, cfg.SyncMode, cfg.LogNoHistory = g.genesis, gethChainID, ethconfig.FullSync, true
	backend, err := eth.New(stack, &cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	stack.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service:   filters.NewFilterAPI(filters.NewFilterSystem(backend.APIBackend, filters.Config{})),
	}})
	if err := stack.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.chain, g.url = backend.BlockChain(), stack.HTTPEndpoint()
	g.client = ethclient.NewClient(stack.Attach())
	g.t.Cleanup(g.client.Close)
}

// emission is a log that a contract is asked for.
type emission struct {
	contract, topic int
	data            []byte
	value           int64 // in wei, that the contract is sent
}

// mine mines one block of transactions, one per emission. It is unlike any other
// at its height; its transactions may be the same.
func (g *geth) mine(emissions ...emission) {
	g.t.Helper()
	g.mined++
	parent := g.chain.GetBlockByHash(g.chain.CurrentBlock().Hash())
	blocks, _ := core.GenerateChain(g.genesis.Config, parent, g.engine, g.states, 1, func(_ int, b *core.BlockGen) {
		b.SetPoS()
		b.SetExtra([]byte{g.mined})
		for i, e := range emissions {
			b.AddTx(g.transaction(b, byte(i), e))
		}
	})
	if _, err := g.chain.InsertChain(blocks); err != nil {
		g.t.Fatal(err)
	}
	if blocks[0].NumberU64()%finality == 0 {
		g.chain.SetFinalized(blocks[0].Header())
	}
}

func (g *geth) mineBlocks(n int) {
	g.t.Helper()
	for range n {
		g.mine()
	}
}

// transaction calls a contract for a log.
func (g *geth) transaction(b *core.BlockGen, second byte, e emission) *types.Transaction {
	to := contracts[e.contract]
	input := append(topics[e.topic].Bytes(), common.Hash{second}.Bytes()...)
	return types.MustSignNewTx(g.key, b.Signer(), &types.DynamicFeeTx{
		ChainID: g.genesis.Config.ChainID, Nonce: b.TxNonce(crypto.PubkeyToAddress(g.key.PublicKey)), To: &to,
		Value: big.NewInt(e.value), Data: append(input, e.data...), Gas: 100_000, GasFeeCap: big.NewInt(100 * params.GWei),
	})
}

// fork goes back to the block at a height: the next one mined is on a new branch.
func (g *geth) fork(height int64) {
	g.t.Helper()
	if _, err := g.chain.SetCanonical(g.chain.GetBlockByNumber(uint64(height))); err != nil {
		g.t.Fatal(err)
	}
}

func (g *geth) block(height int64) *types.Header {
	g.t.Helper()
	header := g.chain.GetHeaderByNumber(uint64(height))
	if header == nil {
		g.t.Fatalf("no block %d", height)
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

// logs is what a source has on the canonical chain, as the node itself says.
func (g *geth) logs(source markets.Source, from int64) []types.Log {
	g.t.Helper()
	return logsFrom(g.t, g.client, source, from)
}

// logsFrom asks a node, through go-ethereum's own client, for the logs of a source.
func logsFrom(t *testing.T, client ethereum.LogFilterer, source markets.Source, from int64) []types.Log {
	t.Helper()
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
	logs, err := client.FilterLogs(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	return logs
}

// open returns a chain that reads from a URL.
func open(t *testing.T, url string, change ...func(*Config)) *Chain {
	t.Helper()
	cfg := Config{Endpoints: []chains.Endpoint{{URL: url}}, ChainID: gethChainID, Sources: sources, Log: slog.New(slog.DiscardHandler)}
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
