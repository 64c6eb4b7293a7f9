package evm

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/markets"
)

// checkView checks a view against the node's canonical chain.
func checkView(t *testing.T, g *geth, view *chains.View, head, final int64) {
	t.Helper()
	if view.Head.Seq != head || view.Final.Seq != final {
		t.Fatalf("head %d and final %d, want %d and %d", view.Head.Seq, view.Final.Seq, head, final)
	}
	for number := final; number <= head; number++ {
		if hash, _ := view.Hash(number); hash != g.block(number).Hash().Hex() {
			t.Fatalf("block %d is %s, want %s", number, hash, g.block(number).Hash())
		}
	}
}

func TestAdvanceFollowsTheHead(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineBlocks(40)

	view := advance(t, chain, nil, true)
	checkView(t, g, view, 40, 32)
	p.counted()
	if advance(t, chain, view, false); p.counted()["eth_getBlockByNumber"] != 2 {
		t.Error("more calls than for the head and finality when nothing is new")
	}
	g.chain.SetFinalized(g.block(35))
	view = advance(t, chain, view, true) // of the same head
	checkView(t, g, view, 40, 35)
	p.counted()
	g.mineBlocks(1)
	view = advance(t, chain, view, true)
	checkView(t, g, view, 41, 35)
	if calls := p.counted(); calls["eth_getBlockByNumber"] != 2 {
		t.Errorf("calls %v for one new block", calls)
	}
	g.mineBlocks(3)
	view = advance(t, chain, view, true)
	checkView(t, g, view, 44, 35)
	if calls := p.counted(); calls["eth_getBlockByNumber"] != 2+2 {
		t.Errorf("calls %v for three new blocks", calls)
	}
	g.mineBlocks(120)
	checkView(t, g, advance(t, chain, view, true), 164, 160)
	fresh := open(t, g.url, func(cfg *Config) { cfg.Confirmations = 130 })
	g.chain.SetFinalized(nil)
	checkView(t, g, advance(t, fresh, nil, true), 164, 34) // more headers than a batch takes
}

func TestAdvanceThroughAReorganisation(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineBlocks(50)
	view := advance(t, chain, nil, true)

	g.fork(40)
	view = advance(t, chain, view, false) // the head went back on the known branch
	g.mineBlocks(1)
	view = advance(t, chain, view, true) // proven, though it is shorter
	checkView(t, g, view, 41, 32)
	g.mineBlocks(12)
	view = advance(t, chain, view, true)
	checkView(t, g, view, 53, 32)
	if view.FinalityViolations != 0 {
		t.Errorf("%d breaks of finality counted", view.FinalityViolations)
	}

	g.fork(36)
	g.mineBlocks(18)
	p.requests.Store(0)
	checkView(t, g, advance(t, chain, view, true), 54, 32)
	if n := p.requests.Load(); n > 1+5 {
		t.Errorf("%d requests for a reorganisation of 17 blocks", n)
	}
}

func TestAReorganisationAtTheSameHeight(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url)
	g.mineBlocks(50)
	view := advance(t, chain, nil, true)
	g.fork(49)
	g.mineBlocks(1)
	checkView(t, g, advance(t, chain, view, true), 50, 32)
}

func TestAReorganisationDeeperThanFinalityIsFollowedLoudly(t *testing.T) {
	g := startGeth(t)
	var log bytes.Buffer
	chain := open(t, g.url, func(cfg *Config) { cfg.ConfirmViolations = -1; cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	g.mineBlocks(70)
	view := advance(t, chain, nil, true)
	checkView(t, g, view, 70, 64)

	g.fork(40)
	g.mineBlocks(20)
	advance(t, chain, view, false) // at 60, below what was final
	g.mineBlocks(5)
	if log.Len() > 0 {
		t.Fatalf("logged too early: %s", &log)
	}
	view = advance(t, chain, view, true)
	checkView(t, g, view, 65, 64)
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "height=64") {
		t.Errorf("logged: %q", &log)
	}

	if view.FinalityViolations != 1 {
		t.Errorf("%d breaks counted", view.FinalityViolations)
	}

	// It is also seen when finality has moved on meanwhile.
	log.Reset()
	g.fork(60)
	g.mineBlocks(60)
	view = advance(t, chain, view, true)
	checkView(t, g, view, 120, 96)
	if view.FinalityViolations != 2 {
		t.Errorf("%d breaks counted", view.FinalityViolations)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "height=64") {
		t.Errorf("logged: %q", &log)
	}
	g.mineBlocks(50)
	if view = advance(t, chain, view, true); view.FinalityViolations != 2 {
		t.Errorf("%d breaks counted after ordinary growth", view.FinalityViolations)
	}
}

// After a restart nothing is known but the final block that was recorded.
func TestAdvanceFromTheRecordedFinalBlock(t *testing.T) {
	g := startGeth(t)
	var log bytes.Buffer
	chain := open(t, g.url, func(cfg *Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	g.mineBlocks(100)
	for _, final := range []int64{96, 50, 1} { // as final as the node says, and behind
		known := chains.NewView(final, []string{g.block(final).Hash().Hex()})
		checkView(t, g, advance(t, chain, known, true), 100, 96)
	}
	known := chains.NewView(98, []string{g.block(98).Hash().Hex()})
	checkView(t, g, advance(t, chain, known, true), 100, 98) // never below what is known
	advance(t, chain, chains.NewView(101, []string{"0x"}), false)
	if log.Len() > 0 {
		t.Errorf("logged: %s", &log)
	}
}

func TestFinalityWhereTheNodeDoesNotTellIt(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineBlocks(50)
	tests := map[string]struct {
		answer string // to the question for the finalized block; a result or an error
		want   string // of the error
	}{
		"null":      {`null`, ""},
		"not found": {`{"code":-39001,"message":"Unknown block"}`, ""},
		"bad tag":   {`{"code":-32602,"message":"invalid argument 0: hex string without 0x prefix"}`, ""},
		"Besu":      {`{"code":-32603,"message":"finalized block not found"}`, ""},
		"rate":      {`{"code":-32005,"message":"daily request count exceeded, request rate limited"}`, "rate limited"},
		"internal":  {`{"code":-32603,"message":"internal error"}`, "internal error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
				if !strings.Contains(string(params), "finalized") {
					return
				}
				delete(answer, "result")
				answer["error"] = json.RawMessage(test.answer)
				if test.answer == "null" {
					delete(answer, "error")
					answer["result"] = json.RawMessage("null")
				}
			})
			view, err := open(t, p.url, func(cfg *Config) { cfg.Confirmations = 5 }).Advance(t.Context(), nil)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("error %v, want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkView(t, g, view, 50, 45)
		})
	}
}

func TestFinalityThatLagsFarBehindIsNotWaitedFor(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url, func(cfg *Config) { cfg.MaxUnfinal = 10 })
	g.mineBlocks(60)
	view := advance(t, chain, nil, true)
	checkView(t, g, view, 60, 50)
	g.mineBlocks(1)
	checkView(t, g, advance(t, chain, view, true), 61, 51)
}

func TestAdvanceOfABareGenesis(t *testing.T) {
	g := startGeth(t)
	checkView(t, g, advance(t, open(t, g.url), nil, true), 0, 0)
}

func TestAHeaderOfAnotherHeightIsNoView(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineBlocks(50)
	p.change(func(_ string, params json.RawMessage, answer map[string]json.RawMessage) {
		if strings.Contains(string(params), eth.Quantity(45)) {
			answer["result"] = bytes.Replace(answer["result"], []byte(`"number":"0x2d"`), []byte(`"number":"0x2e"`), 1)
		}
	})
	if _, err := open(t, p.url).Advance(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "asked for block 45, answered with block 46") {
		t.Errorf("error %v", err)
	}
}

func TestHeadersThatDoNotLinkUpAreNoView(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineBlocks(50)
	p.change(func(_ string, params json.RawMessage, answer map[string]json.RawMessage) {
		if strings.Contains(string(params), eth.Quantity(45)) {
			answer["result"] = bytes.Replace(answer["result"], []byte(g.block(44).Hash().Hex()), []byte(g.block(43).Hash().Hex()), 1)
		}
	})
	_, err := open(t, p.url).Advance(t.Context(), nil)
	if !errors.Is(err, chains.ErrReorganised) || !strings.Contains(err.Error(), "44 is not the parent") {
		t.Errorf("error %v", err)
	}
}

func TestAnotherChainIsRefused(t *testing.T) {
	t.Parallel()
	g := startGeth(t)
	chain := open(t, g.url, func(cfg *Config) { cfg.ChainID = 5 })
	view := chains.NewView(0, []string{"0x"})
	_, advanced := chain.Advance(t.Context(), nil)
	_, read := chain.Read(t.Context(), view, sources[0], markets.Place{Seq: -1}, -1, 1)
	_, _, ancestor := chain.Ancestor(t.Context(), view, markets.Trail{{Seq: -1}}, -1)
	for _, err := range []error{advanced, read, ancestor} {
		if !errors.Is(err, chains.ErrWrongChain) || !strings.Contains(err.Error(), "chain id is 1, the configured one 5") {
			t.Errorf("error %v", err)
		}
	}
}

// The chain id comes with each look at the head, and is asked for once more at the start.
func TestTheChainIsCheckedWithEachLook(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	view := advance(t, chain, nil, true)
	advance(t, chain, view, false)
	if n, requests := p.counted()["eth_chainId"], p.requests.Load(); n != 3 || requests != 3 {
		t.Errorf("%d questions for the chain id in %d requests", n, requests)
	}
}
