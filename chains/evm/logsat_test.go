package evm

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// logged is how logs read: which contract logged which topic.
func logged(raws []markets.Raw) string {
	var out []string
	for _, raw := range raws {
		contract, topic := "?", "?"
		for i := range contracts {
			if raw.Address == contracts[i] {
				contract = string(rune('0' + i))
			}
			if common.Hash(raw.Topics[0]) == topics[i] {
				topic = string(rune('a' + i))
			}
		}
		out = append(out, contract+topic)
	}
	return strings.Join(out, " ")
}

var everyContract = []emission{{contract: 0, topic: 0}, {contract: 1, topic: 1}, {contract: 2, topic: 2}, {contract: 2, topic: 0}}

// Logs at a block are those of every contract, in one request.
func TestLogsAt(t *testing.T) {
	g := startGeth(t)
	g.mine(everyContract...)
	g.mineBlocks(1)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	if _, err := chain.Head(t.Context()); err != nil { // which asks whether it is the chain
		t.Fatal(err)
	}
	for _, test := range []struct {
		height int64
		topics []string
		want   string
	}{
		{1, []string{topics[0].Hex()}, "0a 2a"},
		{1, []string{topics[0].Hex(), topics[2].Hex()}, "0a 2c 2a"},
		{1, []string{common.Hash{0xdd}.Hex()}, ""},
		{2, []string{topics[0].Hex()}, ""},
	} {
		before := p.requests.Load()
		raws, err := chain.LogsAt(t.Context(), g.place(test.height), test.topics)
		if got := logged(raws); err != nil || got != test.want {
			t.Errorf("block %d, %v: %q, %v, want %q", test.height, test.topics, got, err, test.want)
		}
		if n := p.requests.Load() - before; n != 1 {
			t.Errorf("%d requests", n)
		}
		for _, raw := range raws {
			if raw.Seq != 1 || raw.Block != g.place(1).Hash || raw.Time.IsZero() {
				t.Errorf("%+v", raw)
			}
		}
	}
	for _, topics := range [][]string{nil, {"0x1"}} {
		if raws, err := chain.LogsAt(t.Context(), g.place(1), topics); err == nil {
			t.Errorf("topics %v: %s", topics, logged(raws))
		}
	}
	gone := g.place(2)
	g.fork(1)
	g.mineBlocks(1)
	if raws, err := chain.LogsAt(t.Context(), gone, []string{topics[0].Hex()}); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("of a block that is gone: %s, %v", logged(raws), err)
	}
	gone.Seq = 9
	if raws, err := chain.LogsAt(t.Context(), gone, []string{topics[0].Hex()}); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("of a block to come: %s, %v", logged(raws), err)
	}
}

// What a node must not answer is not believed, and what it refuses is read in another way.
func TestLogsAtOfFailingNodes(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(map[string]json.RawMessage)
		want   string
		fails  bool
	}{
		"nothing":  {func(a map[string]json.RawMessage) { a["result"] = json.RawMessage("[]") }, "0a 2a", false},
		"null":     {func(a map[string]json.RawMessage) { a["result"] = json.RawMessage("null") }, "", true},
		"too many": {func(a map[string]json.RawMessage) { says(a, -32005, "query returned more than 1 results") }, "0a 2a", false},
		"other block": {func(a map[string]json.RawMessage) {
			a["result"] = json.RawMessage(strings.ReplaceAll(string(a["result"]), `"blockNumber":"0x1"`, `"blockNumber":"0x2"`))
		}, "", true},
		"other branch": {func(a map[string]json.RawMessage) {
			a["result"] = json.RawMessage(regexp.MustCompile(`"blockHash":"0x.{8}`).ReplaceAll(a["result"], []byte(`"blockHash":"0x12345678`)))
		}, "", true},
		"other topics": {func(a map[string]json.RawMessage) {
			a["result"] = json.RawMessage(strings.ReplaceAll(string(a["result"]), topics[0].Hex(), topics[1].Hex()))
		}, "", true},
		"not a request": {func(a map[string]json.RawMessage) { says(a, -32000, "missing trie node") }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t)
			g.mine(everyContract...)
			p := startProxy(t, g.url)
			p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
				if method == "eth_getLogs" {
					test.answer(answer)
				}
			})
			raws, err := open(t, p.url).LogsAt(t.Context(), g.place(1), []string{topics[0].Hex()})
			if got := logged(raws); got != test.want || (err != nil) != test.fails {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}
