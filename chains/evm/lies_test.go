package evm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// A final range whose logs are left out once is not believed, though its last block, whose
// bloom comes along, has none: neither among ranges full of logs, however old it is, nor near
// the head, however few the others have.
func TestAnEmptyRangeIsNotBelieved(t *testing.T) {
	for name, test := range map[string]struct {
		every    int // blocks with logs are those that are so far apart
		from, to int64
		after    int // blocks without logs at the end
	}{
		"far below the head": {1, 48, 95, 260},
		"near the head":      {40, 40, 47, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t)
			p := startProxy(t, g.url)
			for number := range 96 {
				if number%8 == 6 || number%test.every > 0 { // the last of a range
					g.mineBlocks(1)
				} else {
					g.mineLogs(1, 2)
				}
			}
			g.mineBlocks(test.after)
			view := advance(t, open(t, p.url), nil, true)
			var lied atomic.Bool
			p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
				var query []struct{ FromBlock, ToBlock string }
				if method != "eth_getLogs" || json.Unmarshal(params, &query) != nil || query[0].FromBlock == "" {
					return
				}
				if from := number(query[0].FromBlock); test.from <= from && from <= test.to && !lied.Swap(true) {
					answer["result"] = json.RawMessage("[]")
				}
			})
			// One window at a time: later, empty windows would change what is expected of the one that lies.
			chain := open(t, p.url, func(cfg *Config) { cfg.MaxRange, cfg.InFlight = 8, 1 })
			advance(t, chain, nil, true) // which tells where the head is
			raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, view.Final.Seq, 1000)
			want := 0
			for _, log := range g.logs(sources[0], 0) {
				if int64(log.BlockNumber) <= view.Final.Seq {
					want++
				}
			}
			if !lied.Load() || len(raws) != want {
				t.Errorf("%d events of %d, lied %v", len(raws), want, lied.Load())
			}
		})
	}
}

// While the receipts of a block cannot be read for a moment, logs that the bloom has and that
// the only endpoint leaves out twice are not believed to be missing.
func TestTwoAnswersOfOneEndpointDoNotOutweighABloom(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(8, 1)
	chain := open(t, p.url)
	view := advance(t, chain, nil, true)
	read, at := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, view.Head.Seq, 1000)
	g.mineLogs(1, 1)
	view = advance(t, chain, view, true)
	var asked atomic.Int64
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		switch {
		case method == "eth_getLogs" && asked.Add(1) <= 2:
			answer["result"] = json.RawMessage("[]")
		case method == "eth_getLogs", method == "eth_getBlockReceipts":
			delete(answer, "result")
			answer["error"] = json.RawMessage(`{"code": -32000, "message": "request timed out"}`)
		}
	})
	if page, err := chain.Read(t.Context(), view, sources[0], at, view.Head.Seq, 1000); err == nil {
		t.Errorf("%d events are believed to be all", len(page.Raws))
	}
	p.change(nil)
	rest, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], at, view.Head.Seq, 1000)
	if len(read) != 8 || len(rest) != 1 {
		t.Errorf("%d events of 8, and %d of 1", len(read), len(rest))
	}
}

// A URL that begins to serve another chain is found out by the chain id that comes with
// every answer: nothing is read from it, and it is used again when it is the chain again.
func TestAURLThatServesAnotherChainForAWhile(t *testing.T) {
	t.Parallel()
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(64, 1)
	chain := open(t, p.url)
	view := advance(t, chain, nil, true)
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		switch method {
		case "eth_chainId":
			answer["result"] = json.RawMessage(`"0x5"`)
		case "eth_getLogs":
			answer["result"] = json.RawMessage("[]")
		}
	})
	if _, err := chain.Advance(t.Context(), view); !errors.Is(err, chains.ErrWrongChain) {
		t.Errorf("advance: %v", err)
	}
	if _, err := chain.Read(t.Context(), view, sources[0], start, -1, 100); !errors.Is(err, chains.ErrWrongChain) {
		t.Errorf("read: %v", err)
	}
	p.change(nil)
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, -1, 100)
	if len(raws) != 64 {
		t.Errorf("%d events of 64", len(raws))
	}
}

// What is final must be an ancestor of the head: a back end of another branch, or chain, may
// have answered the question for it.
func TestAFinalBlockOfAnotherBranchIsNotBelieved(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(70, 1)
	p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_getBlockByNumber" && strings.Contains(string(params), "finalized") {
			block := g.block(66)
			answer["result"] = fmt.Appendf(nil, `{"number":"0x42","hash":"0x%s","parentHash":%q,"timestamp":"0x1","logsBloom":null}`,
				strings.Repeat("ab", 32), block.ParentHash.Hex())
			delete(answer, "error")
		}
	})
	if view, err := open(t, p.url).Advance(t.Context(), nil); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("%+v, %v", view, err)
	}
}

// An endpoint that has served another chain may answer one batch from both: its logs must be
// of the blocks whose headers it shows.
func TestAnEndpointThatServedAnotherChainProvesItsLogs(t *testing.T) {
	t.Parallel()
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(96, 1)
	chain := open(t, p.url)
	view := advance(t, chain, nil, true)
	foreign, own := "0x"+strings.Repeat("ab", 32), g.block(20).Hash().Hex()
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_getLogs" {
			answer["result"] = json.RawMessage(strings.ReplaceAll(string(answer["result"]), own, foreign))
		}
	})
	chain.pool.All()[0].MarkWrongChain()
	if page, err := chain.Read(t.Context(), view, sources[0], start, view.Final.Seq, 1000); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("%d events, %v", len(page.Raws), err)
	}
	p.change(nil)
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, view.Final.Seq, 1000)
	if int64(len(raws)) != view.Final.Seq {
		t.Errorf("%d events of %d", len(raws), view.Final.Seq)
	}
}

// Logs of a height that has no block are not dropped without a word.
func TestLogsAboveTheLastBlockAreRefused(t *testing.T) {
	g := startGeth(t)
	g.mineBlocks(3)
	chain := open(t, g.url)
	n := chain.client(chain.pool.All()[0])
	headers, err := chain.headersBetween(t.Context(), n, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	if raws, err := chain.checkEachBlock(t.Context(), n, chain.allSources(), 1, headers[0], []markets.Raw{{Seq: 4}}); err == nil {
		t.Errorf("%d logs, and no error", len(raws))
	}
}

// Of two endpoints one has left the chain: what was final stays, and the other is asked.
func TestAnEndpointOnAnotherBranchIsNotFollowed(t *testing.T) {
	g, other := startGeth(t), startGeth(t)
	g.mineBlocks(70)
	other.mineLogs(90, 1)
	first := open(t, g.url)
	view := advance(t, first, nil, true)
	both := open(t, other.url, func(cfg *Config) {
		cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: g.url, Priority: 1})
		cfg.ConfirmViolations = -1
	})
	for range 3 {
		next, err := both.Advance(t.Context(), view)
		if err != nil || next.FinalityViolations != 0 || next.Head != view.Head {
			t.Fatalf("%+v, %v", next, err)
		}
	}
	alone := open(t, other.url, func(cfg *Config) { cfg.HoldViolations = true })
	if _, err := alone.Advance(t.Context(), view); !errors.Is(err, chains.ErrFinality) || !strings.Contains(err.Error(), "a person has to decide") {
		t.Errorf("alone: %v", err)
	}
}

// A break of finality is believed when it has lasted and was seen often enough, and is
// counted anew when something else is seen.
func TestABreakMustLast(t *testing.T) {
	cfg := Config{ConfirmViolations: time.Minute}
	seen := violation{10, "0xa", "0xb"}
	now := time.Unix(1_000_000, 0)
	var b violations
	for _, second := range []int{0, 30} {
		if confirmed, _, _ := b.record(seen, cfg, now.Add(time.Duration(second)*time.Second)); confirmed {
			t.Errorf("confirmed after %d s", second)
		}
	}
	if confirmed, _, _ := b.record(seen, cfg, now.Add(70*time.Second)); !confirmed {
		t.Error("not after 70 s")
	}
	var hold violations
	cfg.HoldViolations = true
	for second := range 300 {
		if confirmed, _, _ := hold.record(seen, cfg, now.Add(time.Duration(second)*time.Second)); confirmed {
			t.Fatal("confirmed although a person is wanted")
		}
	}
	var changing violations
	cfg.HoldViolations = false
	for second := range 300 {
		other := violation{10, "0xa", "0xb" + strings.Repeat("c", second/30)}
		if confirmed, _, _ := changing.record(other, cfg, now.Add(time.Duration(second)*time.Second)); confirmed {
			t.Fatalf("confirmed after %d s although it changes", second)
		}
	}
}

// Of a range that may be of two chains, each header must be the parent of the next, and the
// last one that of the range's end.
func TestHeadersOfTwoChainsAreRefused(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineBlocks(3)
	chain := open(t, p.url)
	n := chain.client(chain.pool.All()[0])
	headers, err := chain.headersBetween(t.Context(), n, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	end := headers[0]
	check := func(end eth.Header) error {
		_, err := chain.checkEachBlock(t.Context(), n, chain.allSources(), 1, end, nil)
		return err
	}
	if err := check(end); err != nil {
		t.Errorf("of one chain: %v", err)
	}
	other := end
	other.Hash = "0x" + strings.Repeat("ab", 32)
	if err := check(other); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("another end: %v", err)
	}
	p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_getBlockByNumber" && strings.Contains(string(params), `"0x2"`) {
			answer["result"] = json.RawMessage(strings.ReplaceAll(string(answer["result"]), g.block(1).Hash().Hex(), other.Hash))
		}
	})
	if err := check(end); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("another parent: %v", err)
	}
}
