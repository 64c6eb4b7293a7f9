package evm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/multicall"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/markets"
)

// The contracts that are called.
var (
	store  = common.Address{0xca, 19: 1} // keeps a word
	refuse = common.Address{0xca, 19: 2} // reverts with its input
	burn   = common.Address{0xca, 19: 3} // uses up all gas
	costly = common.Address{0xca, 19: 4} // uses more gas than a call of burn leaves, and returns 1
	long   = common.Address{0xca, 19: 5} // returns 1 MiB
	nobody = common.Address{0xca, 19: 6} // no contract
)

var calledContracts = map[common.Address][]byte{
	store:  common.FromHex("3615600c57600035600055005b60005460005260206000f3"),
	refuse: common.FromHex("366000600037366000fd"),
	burn:   common.FromHex("fe"),
	costly: common.FromHex("6200c3505b6001900380600457600160005260206000f3"),
	long:   common.FromHex("621000006000f3"),
}

// withMulticall are the contracts, and Multicall3 as it is on mainnet.
func withMulticall(t *testing.T) map[common.Address][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/multicall3.hex")
	if err != nil {
		t.Fatal(err)
	}
	return map[common.Address][]byte{multicall.Address: common.FromHex(strings.TrimSpace(string(text)))}
}

// keep mines a block in which the store is given a number.
func (g *geth) keep(number int64) {
	g.t.Helper()
	g.mined++
	parent := g.chain.GetBlockByHash(g.chain.CurrentBlock().Hash())
	blocks, _ := core.GenerateChain(g.genesis.Config, parent, g.engine, g.states, 1, func(_ int, b *core.BlockGen) {
		b.SetPoS()
		b.SetExtra([]byte{g.mined})
		b.AddTx(types.MustSignNewTx(g.key, b.Signer(), &types.DynamicFeeTx{
			ChainID: g.genesis.Config.ChainID, Nonce: b.TxNonce(crypto.PubkeyToAddress(g.key.PublicKey)), To: &store,
			Data: common.BigToHash(big.NewInt(number)).Bytes(), Gas: 100_000, GasFeeCap: big.NewInt(100 * params.GWei),
		}))
	})
	if _, err := g.chain.InsertChain(blocks); err != nil {
		g.t.Fatal(err)
	}
}

// place is the place of the block at a height.
func (g *geth) place(height int64) markets.Place {
	return markets.Place{Seq: height, Hash: g.block(height).Hash().Hex()}
}

func callOf(to common.Address, data ...byte) chains.ContractCall {
	return chains.ContractCall{To: to, Data: data}
}

// told is how a result reads: a number, bytes, or the class of its error.
func told(r chains.CallResult) string {
	switch {
	case errors.Is(r.Err, chains.ErrReverted):
		return "reverted"
	case errors.Is(r.Err, chains.ErrTooLong):
		return "too long"
	case errors.Is(r.Err, chains.ErrUnanswerable):
		return "unanswerable"
	case r.Err != nil:
		return r.Err.Error()
	case len(r.Data) == 32:
		return new(big.Int).SetBytes(r.Data).String()
	}
	return "0x" + hex.EncodeToString(r.Data)
}

// asked calls contracts and returns how the results read.
func asked(t *testing.T, chain *Chain, at markets.Place, calls ...chains.ContractCall) string {
	t.Helper()
	results, err := chain.Call(t.Context(), at, calls)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(calls) {
		t.Fatalf("%d results of %d calls", len(results), len(calls))
	}
	out := make([]string, len(results))
	for i, r := range results {
		out[i] = told(r)
	}
	return strings.Join(out, " ")
}

// behind returns the URL of a node behind a proxy with faults.
func behind(t *testing.T, node, text string) string {
	t.Helper()
	profile, err := faults.Parse("test", []byte("faults: "+text))
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	p, err := faults.New(profile, 1, httputil.NewSingleHostReverseProxy(target), faults.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.URL
}

// refusal is the encoding of Error(string).
func refusal(text string) []byte {
	data := append(common.FromHex("08c379a0"), common.BigToHash(big.NewInt(32)).Bytes()...)
	data = append(data, common.BigToHash(big.NewInt(int64(len(text)))).Bytes()...)
	return append(data, common.RightPadBytes([]byte(text), (len(text)+31)/32*32)...)
}

// Whatever the way in which contracts are asked, they give the same answers, of the block
// that is named, and none spoils those beside it.
func TestCallsAreAnsweredAsOfTheirBlock(t *testing.T) {
	t.Parallel()
	short := callOf(store)
	short.Limit = 31
	calls := []chains.ContractCall{
		callOf(store), callOf(refuse, refusal("no")...), short, callOf(nobody, 1, 2, 3, 4), callOf(long), callOf(burn), callOf(costly), callOf(store),
	}
	want := func(number int) string {
		return fmt.Sprintf("%d reverted too long 0x too long reverted 1 %d", number, number)
	}
	for name, test := range map[string]struct {
		multicall bool
		faults    string
		change    func(*Config)
	}{
		"aggregated":                 {true, "[]", func(*Config) {}},
		"little memory, aggregated":  {true, "[]", func(cfg *Config) { cfg.MaxAnswer = 64 << 10 }},
		"little memory":              {false, "[]", func(cfg *Config) { cfg.MaxAnswer = 64 << 10 }},
		"not aggregated":             {false, "[]", func(*Config) {}},
		"at most 3 calls a batch":    {false, "[{fault: batch-cap, calls: 3}]", func(*Config) {}},
		"no batches":                 {false, "[{fault: batch-cap, calls: 0, words: no-batches}]", func(*Config) {}},
		"aggregated without batches": {true, "[{fault: batch-cap, calls: 0, words: no-batches}]", func(*Config) {}},
		"parts of batches refused":   {false, "[{fault: batch-partial, first: 1, chance: 0.5}]", func(*Config) {}},
	} {
		t.Run(name, func(t *testing.T) {
			contracts := []map[common.Address][]byte{calledContracts}
			if test.multicall {
				contracts = append(contracts, withMulticall(t))
			}
			g := startGeth(t, contracts...)
			g.keep(11)
			g.keep(22)
			chain := open(t, behind(t, g.url, test.faults), func(cfg *Config) { cfg.Endpoints[0].Pacing = fastPacing }, test.change)
			for height, number := range []int{0, 11, 22} {
				if got := asked(t, chain, g.place(int64(height)), calls...); got != want(number) {
					t.Errorf("block %d: %s, want %s", height, got, want(number))
				}
			}
			if is, known := chain.multicall.In(2); is != test.multicall || !known {
				t.Errorf("Multicall3 is deployed: %v, known %v", is, known)
			}
		})
	}
}

// However a chain forks, an answer is of the block that was named, or says that it is gone.
func TestCallsAgreeWithTheirBlocks(t *testing.T) {
	for seed := range uint64(4) {
		codes := []map[common.Address][]byte{calledContracts}
		if seed%2 == 0 {
			codes = append(codes, withMulticall(t))
		}
		g := startGeth(t, codes...)
		random := rand.New(rand.NewPCG(seed, 0))
		faults := []string{"[{fault: error, methods: [eth_call], words: besu-state, chance: 0.2}, {fault: batch-partial, chance: 0.1}]", "[{fault: no-block-hash, chance: 0.5}, {fault: batch-missing, chance: 0.1}]"}[seed/2]
		chain := open(t, behind(t, g.url, faults), func(cfg *Config) {
			cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: g.url, Priority: 1})
			cfg.Endpoints[0].Pacing = fastPacing
		})
		numbers := map[markets.Place]int{g.place(0): 0}
		places := []markets.Place{g.place(0)}
		for n := 1; n < 80; n++ {
			switch head := g.chain.CurrentBlock().Number.Int64(); random.IntN(4) {
			case 0:
				if head > 0 {
					g.fork(max(0, head-1-random.Int64N(3)))
				}
				fallthrough
			case 1:
				g.keep(int64(n))
				at := g.place(g.chain.CurrentBlock().Number.Int64())
				numbers[at], places = n, append(places, at)
			default:
				at := places[len(places)-1-random.IntN(min(len(places), 6))]
				if at.Seq > head { // the endpoints would be waited for
					continue
				}
				on := g.place(at.Seq) == at
				results, err := chain.Call(t.Context(), at, askStore(1+random.IntN(5)))
				if err == nil != on {
					t.Fatalf("seed %d: block %+v, on the chain %v: %v", seed, at, on, err)
				}
				for _, r := range results {
					if told(r) != fmt.Sprint(numbers[at]) {
						t.Fatalf("seed %d: block %+v: %s, want %d", seed, at, told(r), numbers[at])
					}
				}
			}
		}
	}
}
