package evm

import (
	"bufio"
	"context"
	"errors"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/npmtest"
	"github.com/imart/event-worker/markets"
)

// anvil is a real Foundry node, with the contracts that log what they are called with.
type anvil struct {
	t      *testing.T
	client *ethclient.Client
	host   string
	from   common.Address
}

func startAnvil(t *testing.T) *anvil {
	t.Helper()
	packages := npmtest.Install(t, "anvil", filepath.Join("testdata", "anvil"))
	programs, err := filepath.Glob(filepath.Join(packages, "node_modules", "@foundry-rs", "anvil-*", "bin", "anvil*"))
	if err != nil || len(programs) != 1 {
		t.Skipf("no anvil for this platform: %v, %v", programs, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	program := exec.CommandContext(ctx, programs[0], "--host", "127.0.0.1", "--port", "0", "--no-mining", "--accounts", "1")
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = program.Wait()
	})
	a := &anvil{t: t}
	lines := bufio.NewScanner(out)
	for a.host == "" && lines.Scan() {
		_, a.host, _ = strings.Cut(lines.Text(), "Listening on ")
	}
	go func() {
		for lines.Scan() { // what it says must go somewhere
		}
	}()
	if a.client, err = ethclient.DialContext(t.Context(), "http://"+a.host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.client.Close)
	var accounts []common.Address
	a.call(&accounts, "eth_accounts")
	a.from = accounts[0]
	for _, contract := range contracts {
		a.call(nil, "anvil_setCode", contract, hexutil.Bytes(emitter))
	}
	return a
}

func (a *anvil) call(into any, method string, args ...any) {
	a.t.Helper()
	if err := a.client.Client().CallContext(a.t.Context(), into, method, args...); err != nil {
		a.t.Fatalf("%s: %v", method, err)
	}
}

// mine mines a block of transactions, one per emission.
func (a *anvil) mine(emissions ...emission) {
	a.t.Helper()
	for i, e := range emissions {
		input := append(topics[e.topic].Bytes(), common.Hash{byte(i)}.Bytes()...)
		a.call(nil, "eth_sendTransaction", map[string]any{
			"from": a.from, "to": contracts[e.contract], "gas": hexutil.Uint64(100_000), "input": hexutil.Bytes(append(input, e.data...)),
		})
	}
	a.call(nil, "evm_mine")
}

// What is read along the views of an anvil that reorganises, over HTTP and WebSocket, is
// what its own chain holds in the end.
func TestAnvil(t *testing.T) {
	for seed := range uint64(2) {
		a := startAnvil(t)
		random := rand.New(rand.NewPCG(seed, 0))
		chain := open(t, "ws://"+a.host, func(cfg *Config) {
			cfg.ChainID = 31337
			cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: "http://" + a.host})
		})
		followers := make([]*follower, len(sources))
		for i, source := range sources {
			followers[i] = &follower{source: source, trail: markets.Trail{{Seq: -1}}}
		}
		mined, view := 0, (*chains.View)(nil)
		for range 60 {
			switch random.IntN(6) {
			case 0:
				if depth := min(mined, 1+random.IntN(8)); depth > 0 {
					a.call(nil, "anvil_reorg", depth, []any{})
				}
				fallthrough
			case 1, 2:
				for range 1 + random.IntN(4) {
					a.mine(emissions(random)...)
					mined++
				}
			default:
				view = look(t, chain, view, followers, random)
			}
		}
		a.mine(emission{})
		select { // announced, and at the latest when the subscription was made
		case <-chain.Heads():
		case <-time.After(time.Minute):
			t.Error("no head is announced")
		}
		settle(t, chain, view, followers, random)
		for _, f := range followers {
			compare(t, f, logsFrom(t, a.client, f.source, 0))
		}
	}
}

// Contracts of an anvil are called as of blocks of its chain, those that it has reorganised
// excepted.
func TestCallsOfAnvil(t *testing.T) {
	for _, aggregated := range []bool{true, false} {
		a := startAnvil(t)
		codes := []map[common.Address][]byte{calledContracts}
		if aggregated {
			codes = append(codes, withMulticall(t))
		}
		for _, set := range codes {
			for address, code := range set {
				a.call(nil, "anvil_setCode", address, hexutil.Bytes(code))
			}
		}
		chain := open(t, "http://"+a.host, func(cfg *Config) { cfg.ChainID = 31337 })
		calls := []chains.ContractCall{callOf(store), callOf(refuse, refusal("no")...), callOf(nobody, 1), callOf(long), callOf(burn), callOf(costly)}
		first, second := a.keep(11), a.keep(22)
		for at, want := range map[markets.Place]string{first: "11 reverted 0x too long reverted 1", second: "22 reverted 0x too long reverted 1"} {
			if got := asked(t, chain, at, calls...); got != want {
				t.Errorf("block %d: %s, want %s", at.Seq, got, want)
			}
		}
		a.call(nil, "anvil_reorg", 1, []any{})
		if results, err := chain.Call(t.Context(), second, calls); !errors.Is(err, chains.ErrReorganised) {
			t.Errorf("of a block that is gone: %v, %v", results, err)
		}
		if got := asked(t, chain, a.keep(33), callOf(store), callOf(store)); got != "33 33" {
			t.Errorf("after it: %s", got)
		}
	}
}

// keep mines a block in which the store is given a number.
func (a *anvil) keep(number int64) markets.Place {
	a.t.Helper()
	a.call(nil, "eth_sendTransaction", map[string]any{
		"from": a.from, "to": store, "gas": hexutil.Uint64(100_000), "input": hexutil.Bytes(common.BigToHash(big.NewInt(number)).Bytes()),
	})
	a.call(nil, "evm_mine")
	h, err := a.client.HeaderByNumber(a.t.Context(), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return markets.Place{Seq: h.Number.Int64(), Hash: h.Hash().Hex()}
}
