package evm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

var start = markets.Place{Seq: -1}

// mineLogs mines blocks of some logs of the first source each.
func (g *geth) mineLogs(blocks, each int) {
	g.t.Helper()
	for range blocks {
		var es []emission
		for range each {
			es = append(es, emission{data: []byte("data")})
		}
		g.mine(es...)
	}
}

func TestReadKeepsToThrough(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url)
	g.mineLogs(40, 1) // finality at 32
	view := advance(t, chain, nil, true)
	for _, through := range []int64{-1, 0, 20, 32, 33, 38, 40, 99} {
		raws, to := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, through, 7)
		want := int64(40)
		if through >= 0 {
			want = min(want, through)
		}
		if to.Seq != want || int64(len(raws)) != want || to.Hash != g.block(want).Hash().Hex() {
			t.Errorf("through %d: %d events to %+v", through, len(raws), to)
		}
	}
}

// What can still be reorganised is read by block hash only.
func TestRangesEndAtFinality(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineLogs(40, 1)
	view := advance(t, chain, nil, true)
	p.change(func(method string, params json.RawMessage, _ map[string]json.RawMessage) {
		var query []struct{ ToBlock string }
		if method == "eth_getLogs" && json.Unmarshal(params, &query) == nil && number(query[0].ToBlock) > finality {
			t.Errorf("asked for the logs up to %s", query[0].ToBlock)
		}
	})
	if _, to := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, -1, 100); to != view.Head {
		t.Errorf("read to %+v", to)
	}
}

func TestReadAtTheHeadHasNothing(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineBlocks(3)
	view := advance(t, chain, nil, true)
	p.counted()
	for _, at := range []markets.Place{view.Head, {Seq: 10}} {
		page, err := chain.Read(t.Context(), view, sources[0], at, -1, 10)
		if err != nil || page.To != at || len(page.Raws) != 0 {
			t.Errorf("behind %+v: %+v, %v", at, page, err)
		}
	}
	if calls := p.counted(); len(calls) != 0 {
		t.Errorf("calls %v for nothing", calls)
	}
}

func TestASourceThatWasNotConfigured(t *testing.T) {
	g := startGeth(t)
	_, err := open(t, g.url).Read(t.Context(), chains.NewView(0, []string{"0x"}), markets.Source{Addresses: []string{"0x1"}}, start, -1, 1)
	if err == nil || !strings.Contains(err.Error(), "not among the chain's sources") {
		t.Errorf("error %v", err)
	}
	if _, err := New(Config{Endpoints: []chains.Endpoint{{URL: g.url}}, Sources: []markets.Source{{Addresses: []string{"0x1"}}}}); err == nil {
		t.Error("0x1 is taken for an address")
	}
	if _, err := New(Config{Endpoints: []chains.Endpoint{{URL: g.url}}, Sources: []markets.Source{{Topics: []string{"0x1"}}}}); err == nil {
		t.Error("0x1 is taken for a topic")
	}
}

// A page has about as many events as are wanted, and all of a block's together.
func TestPagesHoldAboutTheLimit(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url)
	g.mineLogs(63, 3) // finality at 32
	view := advance(t, chain, nil, true)
	const limit = 10
	var sizes []int
	for at := start; at != view.Head; {
		page, err := chain.Read(t.Context(), view, sources[0], at, -1, limit)
		if err != nil {
			t.Fatal(err)
		}
		sizes, at = append(sizes, len(page.Raws)), page.To
	}
	for i, n := range sizes {
		if n%3 != 0 || n > 2*limit || n < limit/2 && i < len(sizes)-1 {
			t.Fatalf("pages of %v events", sizes)
		}
	}
}

// However many streams there are, a new block costs one request for its logs.
func TestABlockIsFetchedOnceForAllStreams(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mine(emission{contract: 0}, emission{contract: 1}, emission{contract: 2})
	g.mineLogs(2, 2)
	view := advance(t, chain, nil, true)
	p.counted()
	p.requests.Store(0)

	var readers sync.WaitGroup
	for range 4 {
		for _, source := range sources {
			readers.Go(func() {
				raws, _ := chaintest.Drain(t.Context(), t, chain, view, source, view.Final, -1, 1)
				if want := g.logs(source, 1); len(raws) != len(want) {
					t.Errorf("%d events of %d", len(raws), len(want))
				}
			})
		}
	}
	readers.Wait()
	if n, calls := p.requests.Load(), p.counted(); n != 3 || calls["eth_getLogs"] != 3 || calls["eth_getBlockByHash"] != 3 {
		t.Errorf("%d requests, calls %v for 3 blocks", n, calls)
	}
}

func TestABlockThatTheNodeDoesNotHaveWasReorganised(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url)
	g.mineLogs(3, 1)
	unknown := "0x" + strings.Repeat("ab", 32)
	view := chains.NewView(2, []string{g.block(2).Hash().Hex(), unknown})
	if _, err := chain.Read(t.Context(), view, sources[0], view.Final, -1, 10); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("by hash: %v", err)
	}
	// A range that ends on another branch than the view's.
	view = chains.NewView(2, []string{unknown})
	if _, err := chain.Read(t.Context(), view, sources[0], start, -1, 10); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("by range: %v", err)
	}
	// A range that begins on another branch.
	view = chains.NewView(3, []string{g.block(3).Hash().Hex()})
	if _, err := chain.Read(t.Context(), view, sources[0], markets.Place{Seq: 1, Hash: unknown}, -1, 10); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("behind an abandoned block: %v", err)
	}
	if _, err := chain.Read(t.Context(), view, sources[0], markets.Place{Seq: 3, Hash: unknown}, -1, 10); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("off the view: %v", err)
	}
}

func TestAnswersThatCannotBe(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(2, 2)
	view := chains.NewView(1, []string{g.block(1).Hash().Hex(), g.block(2).Hash().Hex()})
	above, below := view.Final, start // reads block 2 by hash, block 1 by range
	tests := map[string]struct {
		method, old, new string
		after            markets.Place
		want             string
	}{
		"other contract":        {"eth_getLogs", contracts[0].Hex(), contracts[2].Hex(), below, "was not requested"},
		"other topic":           {"eth_getLogs", topics[0].Hex(), topics[2].Hex(), below, "was not requested"},
		"other block":           {"eth_getLogs", `"blockNumber":"0x1"`, `"blockNumber":"0x2"`, below, "log of block 2 was not requested"},
		"two blocks at once":    {"eth_getLogs", g.block(1).Hash().Hex(), g.block(2).Hash().Hex(), below, "logs of two blocks at height 1"},
		"other end":             {"eth_getBlockByNumber", `"number":"0x1"`, `"number":"0x2"`, below, "answered with block 2"},
		"removed":               {"eth_getLogs", `"removed":false`, `"removed":true`, below, "removed"},
		"other contract, block": {"eth_getLogs", contracts[0].Hex(), contracts[2].Hex(), above, "was not requested"},
		"other height, block":   {"eth_getBlockByHash", `"number":"0x2"`, `"number":"0x3"`, above, "answered with 3"},
		"other hash, block":     {"eth_getBlockByHash", `"hash":"` + g.block(2).Hash().Hex(), `"hash":"` + g.block(1).Hash().Hex(), above, "answered with 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			changed := false
			p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
				if method == getBlockReceipts { // by which it would come right
					delete(answer, "result")
					answer["error"] = json.RawMessage(`{"code":-32601,"message":"the method does not exist"}`)
				}
				if method == test.method {
					before := string(answer["result"])
					after := strings.Replace(before, strings.ToLower(test.old), strings.ToLower(test.new), 1)
					if strings.HasPrefix(test.old, `"`) {
						after = strings.Replace(before, test.old, test.new, 1)
					}
					changed = changed || before != after
					answer["result"] = json.RawMessage(after)
				}
			})
			chain, at := open(t, p.url, func(cfg *Config) { cfg.Sources = sources[:1] }), test.after
			var err error
			for page := (chains.Page{}); err == nil && at.Seq < 2; at = page.To {
				page, err = chain.Read(t.Context(), view, sources[0], at, -1, 100)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !changed {
				t.Errorf("error %v, want %q; changed: %v", err, test.want, changed)
			}
		})
	}
}

// All logs of a block may be those of another block at its height.
func TestLogsOfAnotherBlockWereReorganised(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(2, 2)
	view := chains.NewView(1, []string{g.block(1).Hash().Hex(), g.block(2).Hash().Hex()})
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_getLogs" {
			other := strings.ReplaceAll(string(answer["result"]), g.block(1).Hash().Hex(), "0x"+strings.Repeat("ab", 32))
			other = strings.ReplaceAll(other, g.block(2).Hash().Hex(), "0x"+strings.Repeat("ab", 32))
			answer["result"] = json.RawMessage(other)
		}
	})
	for _, after := range []markets.Place{start, view.Final} {
		if _, err := open(t, p.url).Read(t.Context(), view, sources[0], after, -1, 100); !errors.Is(err, chains.ErrReorganised) {
			t.Errorf("behind %+v: %v", after, err)
		}
	}
}

// A node that has not seen a range's end may answer that there are no logs.
func TestALaggingNodeIsNotBelieved(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineLogs(3, 1)
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		delete(answer, "error")
		if method == "eth_getLogs" {
			answer["result"] = json.RawMessage("[]")
		}
	})
	view := chains.NewView(9, []string{"0x"})
	if _, err := chain.Read(t.Context(), view, sources[0], start, -1, 10); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("error %v, want %v", err, chains.ErrAhead)
	}
}

func TestTimesComeFromTheHeadersWhereLogsHaveNone(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineLogs(64, 2) // more blocks than one batch takes
	view := advance(t, chain, nil, true)
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_getLogs" {
			var logs []map[string]any
			json.Unmarshal(answer["result"], &logs)
			for _, log := range logs {
				delete(log, "blockTimestamp")
			}
			answer["result"], _ = json.Marshal(logs)
		}
	})
	p.counted()
	for range 2 {
		raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, -1, 1000)
		f := follower{raws: raws}
		compare(t, &f, g.logs(sources[0], 0))
	}
	if n := p.counted()["eth_getBlockByHash"]; n != 63 { // the head's is known
		t.Errorf("%d headers for 64 blocks", n)
	}
}

func TestABlockWithoutItsHeaderIsNotBelieved(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	g.mineLogs(2, 1)
	view := chains.NewView(2, []string{g.block(2).Hash().Hex()})
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		switch method {
		case "eth_getLogs":
			answer["result"] = json.RawMessage(strings.ReplaceAll(string(answer["result"]), "blockTimestamp", "more"))
		case "eth_getBlockByHash":
			answer["result"] = json.RawMessage("null")
		}
	})
	if _, err := open(t, p.url).Read(t.Context(), view, sources[0], start, -1, 10); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("error %v, want %v", err, chains.ErrAhead)
	}
}

// Ranges that the node refuses are halved until it answers, down to one block.
func TestRangesThatAreRefusedShrink(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineLogs(64, 1)
	view := advance(t, chain, nil, true)
	refuse := func(most int64, message string) {
		p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
			var query []struct{ FromBlock, ToBlock string }
			if method != "eth_getLogs" || json.Unmarshal(params, &query) != nil {
				return
			}
			if blocks := number(query[0].ToBlock) - number(query[0].FromBlock) + 1; blocks > most {
				delete(answer, "result")
				answer["error"] = json.RawMessage(fmt.Sprintf(`{"code":-32005,"message":%q}`, message))
			}
		})
	}
	refuse(3, "query returned more than 10000 results")
	p.counted()
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, -1, 1000)
	if len(raws) != 64 {
		t.Errorf("%d events of 64", len(raws))
	}
	if n := p.counted()["eth_getLogs"]; n > 45 {
		t.Errorf("%d questions for 65 blocks, 3 at once", n)
	}
	refuse(0, "query returned more than 10000 results")
	raws, _ = chaintest.Drain(t.Context(), t, open(t, p.url), view, sources[0], start, 3, 1000)
	if n := p.counted()[getBlockReceipts]; len(raws) != 3 || n == 0 {
		t.Errorf("%d events of 3 blocks that are refused alone, %d questions for receipts", len(raws), n)
	}
	refuse(3, "request rate limit exceeded")
	paced := open(t, p.url, func(cfg *Config) { cfg.Endpoints[0].Pacing = fastPacing })
	raws, _ = chaintest.Drain(t.Context(), t, paced, view, sources[0], start, -1, 1000)
	if len(raws) != 64 {
		t.Errorf("%d events of 64 where ranges are refused as if they were a rate", len(raws))
	}
}

// fastPacing is the default pacing, 50 times as fast.
var fastPacing = endpoint.Pacing{MinPause: 5 * time.Millisecond, MaxPause: 600 * time.Millisecond, Window: 40 * time.Millisecond, MinRate: 100}

func number(quantity string) (n int64) {
	fmt.Sscanf(quantity, "0x%x", &n)
	return n
}

// A context that ends ends the reading, also of what is fetched for others.
func TestReadEndsWithItsContext(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineLogs(1, 1)
	view := advance(t, chain, nil, true)
	asked, release := make(chan struct{}), make(chan struct{})
	p.change(func(method string, _ json.RawMessage, _ map[string]json.RawMessage) {
		if method == "eth_getLogs" {
			close(asked)
			<-release
		}
	})
	ctx, cancel := contextOf(t)
	go func() { <-asked; cancel() }()
	if _, err := chain.Read(ctx, view, sources[0], view.Final, -1, 10); !errors.Is(err, errStopped) {
		t.Errorf("error %v, want %v", err, errStopped)
	}
	close(release)
	if raws, _ := chaintest.Drain(t.Context(), t, chain, view, sources[0], view.Final, -1, 10); len(raws) != 1 {
		t.Errorf("%d events afterwards", len(raws))
	}
}
