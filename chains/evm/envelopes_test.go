package evm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// enveloped is a source whose definition depends on the transactions of its events.
var enveloped = markets.Source{Addresses: []string{contracts[0].Hex()}, Topics: []string{topics[0].Hex()}, Envelope: true}

// startEnveloped is a node with a transaction of one event in each block, with a value of its
// own, and a chain that reads them through a proxy.
func startEnveloped(t *testing.T, blocks int) (*geth, *proxy, *Chain) {
	g := startGeth(t)
	for i := range blocks {
		g.mine(emission{value: int64(1000 + i)}, emission{contract: 1, value: 5})
	}
	p := startProxy(t, g.url)
	return g, p, open(t, p.url, func(cfg *Config) { cfg.Sources = []markets.Source{enveloped} })
}

// checkEnvelopes checks that events have the senders and values of their transactions, as the
// node's own client says.
func checkEnvelopes(t *testing.T, g *geth, raws []markets.Raw) {
	t.Helper()
	sender := crypto.PubkeyToAddress(g.key.PublicKey)
	for _, raw := range raws {
		transaction, _, err := g.client.TransactionByHash(t.Context(), common.HexToHash(raw.Transaction))
		if err != nil {
			t.Fatal(err)
		}
		if e := raw.Envelope; e == nil || e.Sender != sender || string(e.Value) != transaction.Value().String() {
			t.Fatalf("%s: %+v, want sender %s and value %s", raw.Transaction, e, sender, transaction.Value())
		}
	}
}

// Events have their transactions' senders and values, from final blocks and from those above.
func TestEnvelopes(t *testing.T) {
	g, p, chain := startEnveloped(t, 40) // finality at 32
	view := advance(t, chain, nil, true)
	p.counted()
	page, err := chain.Read(t.Context(), view, enveloped, start, 20, 100)
	if err != nil {
		t.Fatal(err)
	}
	checkEnvelopes(t, g, page.Raws)
	if n := p.counted()["eth_getTransactionByHash"]; n != 20 || len(page.Raws) != 20 {
		t.Errorf("%d transactions for %d events", n, len(page.Raws))
	}
	if _, err := chain.Read(t.Context(), view, enveloped, start, 20, 100); err != nil {
		t.Fatal(err)
	}
	if n := p.counted()["eth_getTransactionByHash"]; n != 0 {
		t.Errorf("asked for %d transactions again", n)
	}
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, enveloped, page.To, -1, 100)
	checkEnvelopes(t, g, raws)
	if n := p.counted()["eth_getTransactionByHash"]; n != 20 || len(raws) != 20 {
		t.Errorf("%d transactions for %d events", n, len(raws))
	}
}

// A page of many transactions takes one request for all of them.
func TestEnvelopesAreAskedForTogether(t *testing.T) {
	g, p, chain := startEnveloped(t, 3)
	emissions := make([]emission, 50)
	for i := range emissions {
		emissions[i].value = int64(i)
	}
	g.mine(emissions...)
	view := advance(t, chain, nil, true)
	bare := enveloped
	bare.Envelope = false
	chaintest.Drain(t.Context(), t, chain, view, bare, view.Final, -1, 100) // its logs are cached from now on
	p.requests.Store(0)
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, enveloped, view.Final, -1, 100)
	checkEnvelopes(t, g, raws)
	if n := p.requests.Load(); n != 1 || len(raws) != 53 {
		t.Errorf("%d requests for the transactions of %d events", n, len(raws))
	}
}

// After a reorganisation the node knows a transaction in its new block only, or not at all.
// Events of the old one have their envelope from the old block, while the node has it.
func TestEnvelopesOfABlockThatWasReplaced(t *testing.T) {
	g, p, chain := startEnveloped(t, 6)
	view := advance(t, chain, nil, true)
	old, _ := chaintest.Drain(t.Context(), t, chain, view, enveloped, view.Final, -1, 100)
	chain.envelopes.Purge()
	g.fork(4)
	g.mineBlocks(1)
	g.mine(emission{value: 1005}, emission{contract: 1, value: 5}) // block 5's, in block 6
	p.counted()
	raws, _ := chaintest.Drain(t.Context(), t, chain, view, enveloped, view.Final, -1, 100)
	if len(raws) != 6 || len(old) != 6 {
		t.Fatalf("%d events, %d before", len(raws), len(old))
	}
	for i := range raws {
		if raws[i].Block != old[i].Block || *raws[i].Envelope != *old[i].Envelope {
			t.Errorf("event %d: %s %+v, want %s %+v", i, raws[i].Block, raws[i].Envelope, old[i].Block, old[i].Envelope)
		}
	}
	if counted := p.counted(); counted["eth_getBlockByHash"] != 2 { // of blocks 5 and 6
		t.Errorf("calls %v", counted)
	}
}

// What the node answers of a transaction counts only if it is of the event's block.
func TestEnvelopesOfStrangeAnswers(t *testing.T) {
	zero := markets.Envelope{Value: "0"}
	for name, c := range map[string]struct {
		transaction, block func(json.RawMessage) json.RawMessage
		want               *markets.Envelope // nil: as it is on the chain
		err                error
		class              string // of the error
	}{
		"another block":       {transaction: with("blockHash", common.Hash{7})},
		"another transaction": {transaction: with("hash", common.Hash{7})},
		"pending":             {transaction: with("blockHash", nil)},
		"none":                {transaction: null},
		"of the chain itself": {transaction: null, block: withoutTransactions, want: &zero},
		"no block":            {transaction: null, block: null, err: chains.ErrReorganised},
		"another block's":     {transaction: null, block: with("hash", common.Hash{7}), class: endpoint.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			g, p, chain := startEnveloped(t, 1)
			view := advance(t, chain, nil, true)
			bare := enveloped
			bare.Envelope = false
			chaintest.Drain(t.Context(), t, chain, view, bare, view.Final, -1, 100) // its logs are cached from now on
			p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
				switch {
				case method == "eth_getTransactionByHash" && c.transaction != nil:
					answer["result"] = c.transaction(answer["result"])
				case method == "eth_getBlockByHash" && bytes.Contains(params, []byte("true")) && c.block != nil:
					answer["result"] = c.block(answer["result"])
				}
			})
			page, err := chain.Read(t.Context(), view, enveloped, view.Final, -1, 100)
			switch {
			case c.err != nil && errors.Is(err, c.err), c.class != "" && endpoint.ClassOf(err) == c.class:
			case c.err != nil || c.class != "" || err != nil:
				t.Errorf("error %v, want %v %s", err, c.err, c.class)
			case c.want != nil:
				if len(page.Raws) != 1 || *page.Raws[0].Envelope != *c.want {
					t.Errorf("%+v", page.Raws)
				}
			default:
				checkEnvelopes(t, g, page.Raws)
			}
		})
	}
}

func null(json.RawMessage) json.RawMessage { return json.RawMessage("null") }

var withoutTransactions = with("transactions", []any{})

// with is an answer with another value of a field, and a value of 7.
func with(field string, value any) func(json.RawMessage) json.RawMessage {
	return func(answer json.RawMessage) json.RawMessage {
		var fields map[string]any
		_ = json.Unmarshal(answer, &fields)
		fields["value"], fields[field] = "0x7", value
		text, _ := json.Marshal(fields)
		return text
	}
}

// Of a recording that has its transactions, events have their envelopes; without them the
// recording's node says so.
func TestEnvelopesOfARecording(t *testing.T) {
	const folder, name = "../../testdata/recordings/ethereum/", "blocks/15997936.json"
	chainFile, err := os.ReadFile(folder + "chain.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(folder + name)
	if err != nil {
		t.Fatal(err)
	}
	var block struct {
		Hash string
		Logs []struct{ Address, TransactionHash string }
	}
	if err := json.Unmarshal(text, &block); err != nil {
		t.Fatal(err)
	}
	transaction := block.Logs[0].TransactionHash
	with := func(blockHash string) []byte {
		sent := fmt.Sprintf(`"transactions":[{"hash":%q,"blockHash":%q,"from":"0x%040x","value":"0xde0b6b3a7640000"}],"logs"`, transaction, blockHash, 7)
		return bytes.Replace(text, []byte(`"logs"`), []byte(sent), 1)
	}
	for name, c := range map[string]struct {
		block []byte
		err   string
	}{"with": {with(block.Hash), ""}, "without": {text, "were not recorded"}} {
		recording := replaytest.Open(t, fstest.MapFS{"chain.json": {Data: chainFile}, "blocks/15997936.json": {Data: c.block}})
		node := replaytest.Serve(t, recording)
		source := markets.Source{Addresses: []string{block.Logs[0].Address}, Envelope: true}
		chain := open(t, node.URL(), func(cfg *Config) { cfg.ChainID, cfg.Sources = recording.ChainID, []markets.Source{source} })
		node.Finish()
		view := advance(t, chain, nil, true)
		page, err := chain.Read(t.Context(), view, source, markets.Place{Seq: 15_997_900}, -1, 100)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || len(page.Raws) == 0 || page.Raws[0].Envelope == nil || *page.Raws[0].Envelope != (markets.Envelope{Sender: [20]byte{19: 7}, Value: "1000000000000000000"}) {
			t.Errorf("%s: %+v, %v", name, page.Raws, err)
		}
		var whole eth.BlockTransactions
		if err := chain.ask(t.Context(), withBlock(0), eth.WithTransactions(block.Hash, &whole)); err != nil || len(whole.Transactions) != 1 || whole.Transactions[0].Hash != transaction {
			t.Errorf("the block has %+v, %v", whole, err)
		}
	}
	wrong := with(common.Hash{9}.Hex())
	if _, err := replay.Open(fstest.MapFS{"chain.json": {Data: chainFile}, name: {Data: wrong}}); err == nil || !strings.Contains(err.Error(), "want a transaction of the block") {
		t.Errorf("a transaction of another block: %v", err)
	}
}
