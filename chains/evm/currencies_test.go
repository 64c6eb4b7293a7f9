package evm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// The selectors of a token's functions.
const (
	symbolOf   = 0x95d89b41
	decimalsOf = 0x313ce567
	nameOf     = 0x06fdde03
)

// What a token's function does.
type (
	returns []byte // returns bytes
	runs    []byte // runs code, at which the stack has the selector
)

// tokenCode is the code of a contract with functions, by selector. It reverts for others.
func tokenCode(functions map[uint32]any) []byte {
	const head, entry, tail, body = 6, 11, 5, 16
	code := common.FromHex("60003560e01c")
	at := head + entry*len(functions) + tail
	var bodies, data []byte
	size := 0
	for _, f := range functions {
		if r, ok := f.(runs); ok {
			size += 1 + len(r)
		} else {
			size += body
		}
	}
	for selector, f := range functions {
		code = append(code, 0x80, 0x63)
		code = binary.BigEndian.AppendUint32(code, selector)
		code = append(code, 0x14, 0x61)
		code = binary.BigEndian.AppendUint16(code, uint16(at+len(bodies)))
		code = append(code, 0x57)
		switch f := f.(type) {
		case runs:
			bodies = append(append(bodies, 0x5b), f...)
		case returns:
			n, from := uint16(len(f)), uint16(at+size+len(data))
			bodies = append(bodies, 0x5b, 0x61)
			bodies = binary.BigEndian.AppendUint16(bodies, n)
			bodies = append(bodies, 0x61)
			bodies = binary.BigEndian.AppendUint16(bodies, from)
			bodies = append(bodies, 0x60, 0, 0x39, 0x61)
			bodies = binary.BigEndian.AppendUint16(bodies, n)
			bodies = append(bodies, 0x60, 0, 0xf3)
			data = append(data, f...)
		}
	}
	code = append(code, common.FromHex("60006000fd")...)
	return append(append(code, bodies...), data...)
}

func word(v int64) []byte { return common.BigToHash(big.NewInt(v)).Bytes() }

// abiText is the encoding of a string.
func abiText(text string) returns {
	padded := append([]byte(text), make([]byte, (32-len(text)%32)%32)...)
	return append(append(word(32), word(int64(len(text)))...), padded...)
}

func bytes32(text string) returns { return append([]byte(text), make([]byte, 32-len(text))...) }

var hostileTokens = []struct {
	name             string
	symbol, decimals any // nil: it reverts
	want             markets.Currency
	reason           string
}{
	{"usual", abiText("SAND"), returns(word(18)), markets.Currency{Symbol: "SAND", Decimals: 18}, ""},
	{"without decimal places", abiText("LOOT"), returns(word(0)), markets.Currency{Symbol: "LOOT"}, ""},
	{"bytes32", bytes32("MKR"), returns(word(18)), markets.Currency{Symbol: "MKR", Decimals: 18}, ""},
	{"whole bytes32", bytes32(strings.Repeat("M", 32)), returns(word(6)), markets.Currency{Symbol: strings.Repeat("M", 32), Decimals: 6}, ""},
	{"long text", abiText(strings.Repeat("ab", 200)), returns(word(6)), markets.Currency{Symbol: strings.Repeat("ab", 16), Decimals: 6}, ""},
	{"1 MiB of text", runs(common.FromHex("6020600052620fffc060205262100000" + "6000f3")), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the call's answer is too long"},
	{"escape sequences", abiText("US\x1b[2J\x1b]0;x\aDC\x00\n"), returns(word(6)), markets.Currency{Symbol: "US[2J]0;xDC", Decimals: 6}, ""},
	{"invalid UTF-8", abiText("U\xff\xfeS\xc3"), returns(word(6)), markets.Currency{Symbol: "US", Decimals: 6}, ""},
	{"turned direction", abiText("\u202eCDSU\u2066\u200b"), returns(word(6)), markets.Currency{Symbol: "CDSU", Decimals: 6}, ""},
	{"nothing printable", abiText("\u202e\x00 \t"), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the contract returned something else"},
	{"empty text", abiText(""), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the contract returned something else"},
	{"text beyond the end", returns(append(word(32), word(1<<40)...)), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the contract returned something else"},
	{"text from beyond the end", returns(append(bytes.Repeat([]byte{0xff}, 32), word(1)...)), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the contract returned something else"},
	{"short answers", returns("x"), returns("12"), markets.Currency{}, "symbol: the contract returned something else; decimals: the contract returned something else"},
	{"long decimals", abiText("LONG"), returns(append(word(7), word(8)...)), markets.Currency{Symbol: "LONG", Decimals: 7}, ""},
	{"77 decimals", abiText("MANY"), returns(word(77)), markets.Currency{Symbol: "MANY", Decimals: 77}, ""},
	{"255 decimals", abiText("MORE"), returns(word(255)), markets.Currency{}, "decimals: the contract returned something else"},
	{"2^255 decimals", abiText("MOST"), returns(append([]byte{0x80}, make([]byte, 31)...)), markets.Currency{}, "decimals: the contract returned something else"},
	{"reverts", nil, nil, markets.Currency{}, "symbol: the call reverted; decimals: the call reverted"},
	{"reverts with a text", runs(append(common.FromHex("7f08c379a000000000000000000000000000000000000000000000000000000000"), common.FromHex("60005260646000fd")...)), returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the call reverted"},
	{"no symbol", nil, returns(word(6)), markets.Currency{Decimals: 6}, "symbol: the call reverted"},
	{"no symbol and no decimal places", nil, returns(word(0)), markets.Currency{}, "symbol: the call reverted"},
	{"an NFT", abiText("PUNK"), nil, markets.Currency{}, "decimals: the call reverted"},
	{"burns all gas", runs([]byte{0xfe}), runs([]byte{0xfe}), markets.Currency{}, "symbol: the call reverted; decimals: the call reverted"},
	{"never ends", runs(common.FromHex("5b80600156")), abiText("x"), markets.Currency{Decimals: 32}, "symbol: the call reverted"},
}

// tokenAt is the address of a hostile token.
func tokenAt(i int) common.Address { return common.Address{0xde, 19: byte(i)} }

func hostileCodes() map[common.Address][]byte {
	codes := map[common.Address][]byte{}
	for i, token := range hostileTokens {
		functions := map[uint32]any{nameOf: abiText("The\x1b token\u202e")}
		for selector, f := range map[uint32]any{symbolOf: token.symbol, decimalsOf: token.decimals} {
			if f != nil {
				functions[selector] = f
			}
		}
		codes[tokenAt(i)] = tokenCode(functions)
	}
	return codes
}

func openStore(t *testing.T) persistence.Store {
	t.Helper()
	s, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// inCurrencies are events with prices in tokens, at a height.
func inCurrencies(height int64, tokens ...common.Address) []markets.Event {
	events := make([]markets.Event, len(tokens))
	for i, token := range tokens {
		events[i] = markets.Event{Position: markets.Position{Height: height, Log: int32(i)}, Price: "1", Currency: markets.Currency{Address: token.Hex()}}
	}
	return events
}

// stored are the documents of currencies, by address.
func stored(t *testing.T, store persistence.Store) map[string]persistence.KnownCurrency {
	t.Helper()
	docs, err := persistence.Collect[persistence.KnownCurrency](t.Context(), store, persistence.Query{Collection: persistence.Currencies})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]persistence.KnownCurrency{}
	for _, k := range docs {
		found[k.Address] = k
	}
	return found
}

func TestHostileCurrencies(t *testing.T) {
	for name, others := range map[string]map[common.Address][]byte{"batches": nil, "multicall": withMulticall(t)} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t, others, hostileCodes())
			g.mineBlocks(finality + 2)
			p := startProxy(t, g.url)
			chain, store := open(t, p.url), openStore(t)
			view := advance(t, chain, nil, true)
			var tokens []common.Address
			for i := range hostileTokens {
				tokens = append(tokens, tokenAt(i))
			}
			events := inCurrencies(finality, tokens...)
			completer := currencies.New("c", markets.EVM, chain, store)
			before := p.requests.Load()
			if err := completer.Complete(t.Context(), view, events); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d currencies: %d requests, %v", len(tokens), p.requests.Load()-before, p.counted())
			docs := stored(t, store)
			for i, token := range hostileTokens {
				want := token.want
				want.Address = tokenAt(i).Hex()
				doc := docs[want.Address]
				if got := events[i].Currency; got != want || doc.Reason != token.reason || doc.Name != "The token" || doc.Height != finality {
					t.Errorf("%s: %+v, want %+v; stored %+v", token.name, got, want, doc)
				}
			}
			before = p.requests.Load()
			for _, c := range []*currencies.Completer{completer, currencies.New("c", markets.EVM, chain, store)} {
				again := inCurrencies(finality, tokens...)
				if err := c.Complete(t.Context(), view, again); err != nil {
					t.Fatal(err)
				}
				for i := range again {
					if again[i].Currency != events[i].Currency {
						t.Errorf("%+v, then %+v", events[i].Currency, again[i].Currency)
					}
				}
			}
			if n := p.requests.Load() - before; n != 0 {
				t.Errorf("%d requests for known currencies", n)
			}
		})
	}
}

// deployCode mines a block in which a contract is deployed.
func (g *geth) deployCode(code []byte) common.Address {
	g.t.Helper()
	g.mined++
	sender := crypto.PubkeyToAddress(g.key.PublicKey)
	var at common.Address
	parent := g.chain.GetBlockByHash(g.chain.CurrentBlock().Hash())
	blocks, _ := core.GenerateChain(g.genesis.Config, parent, g.engine, g.states, 1, func(_ int, b *core.BlockGen) {
		b.SetPoS()
		b.SetExtra([]byte{g.mined})
		at = crypto.CreateAddress(sender, b.TxNonce(sender))
		init := append([]byte{0x61}, binary.BigEndian.AppendUint16(nil, uint16(len(code)))...)
		init = append(append(init, common.FromHex("80600c6000396000f3")...), code...)
		b.AddTx(types.MustSignNewTx(g.key, b.Signer(), &types.DynamicFeeTx{
			ChainID: g.genesis.Config.ChainID, Nonce: b.TxNonce(sender), Data: init, Gas: 1_000_000, GasFeeCap: big.NewInt(100 * params.GWei),
		}))
	})
	if _, err := g.chain.InsertChain(blocks); err != nil {
		g.t.Fatal(err)
	}
	return at
}

// A contract that is younger than the final block is asked as of the head; what is no contract
// there either has only its address from then on, whatever it becomes.
func TestYoungCurrencies(t *testing.T) {
	g := startGeth(t)
	g.mineBlocks(finality + 2)
	young := g.deployCode(tokenCode(map[uint32]any{symbolOf: abiText("YNG"), decimalsOf: returns(word(4))}))
	chain, store := open(t, g.url), openStore(t)
	view := advance(t, chain, nil, true)
	if view.Final.Seq != finality || view.Head.Seq != finality+3 {
		t.Fatalf("%+v", view)
	}
	events := inCurrencies(finality+3, young, nobody)
	if err := currencies.New("c", markets.EVM, chain, store).Complete(t.Context(), view, events); err != nil {
		t.Fatal(err)
	}
	if want := (markets.Currency{Address: young.Hex(), Symbol: "YNG", Decimals: 4}); events[0].Currency != want {
		t.Errorf("%+v", events[0].Currency)
	}
	none := stored(t, store)[nobody.Hex()]
	if events[1].Currency != (markets.Currency{Address: nobody.Hex()}) || none.Reason != "symbol: the contract returned nothing; decimals: the contract returned nothing" || none.Height != finality+3 {
		t.Errorf("%+v, stored %+v", events[1].Currency, none)
	}
}

// Errors of nodes are returned and nothing is stored, but where no node can be asked at all.
func TestCurrenciesOfFailingNodes(t *testing.T) {
	g := startGeth(t, hostileCodes())
	g.mineBlocks(finality + 2)
	p := startProxy(t, g.url)
	chain, store := open(t, p.url), openStore(t)
	view := advance(t, chain, nil, true)
	failing := func(where, text string) {
		p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
			if method == "eth_call" && strings.Contains(string(params), where) {
				delete(answer, "result")
				answer["error"] = json.RawMessage(text)
			}
		})
	}
	complete := func() (markets.Currency, error) {
		events := inCurrencies(finality, tokenAt(0))
		err := currencies.New("c", markets.EVM, chain, store).Complete(t.Context(), view, events)
		return events[0].Currency, err
	}
	plain := markets.Currency{Address: tokenAt(0).Hex()}
	expect := func(step string, want markets.Currency, fails bool, docs int) {
		t.Helper()
		got, err := complete()
		if got != want || (err != nil) != fails || len(stored(t, store)) != docs {
			t.Errorf("%s: %+v, error %v, %d stored", step, got, err, len(stored(t, store)))
		}
	}
	failing("", `{"code":-32000,"message":"internal error: database is closed"}`)
	expect("an error", plain, true, 0)
	failing("", `{"code":-32000,"message":"missing trie node 0x1 (path ) state 0x2 is not available"}`)
	expect("no state", plain, true, 0)
	failing("", `{"code":-32601,"message":"the method eth_call does not exist/is not available"}`)
	expect("no calls", plain, false, 0)
	chain = open(t, p.url)
	view = advance(t, chain, nil, true)
	failing(view.Final.Hash, `{"code":-32000,"message":"missing trie node 0x1 (path ) state 0x2 is not available"}`)
	expect("no old state", markets.Currency{Address: tokenAt(0).Hex(), Symbol: "SAND", Decimals: 18}, false, 1)
	if k := stored(t, store)[tokenAt(0).Hex()]; k.Height != view.Head.Seq {
		t.Errorf("read at %d", k.Height)
	}
	failing("", `{"code":-32000,"message":"internal error: database is closed"}`)
	expect("once it is known", markets.Currency{Address: tokenAt(0).Hex(), Symbol: "SAND", Decimals: 18}, false, 1)
}

// New currencies take one request for each aggregate of calls, and one more until it is known
// that Multicall3 is deployed.
func TestCostOfCurrencies(t *testing.T) {
	for _, n := range []int{1, 10, 100} {
		codes := withMulticall(t)
		var tokens []common.Address
		for i := range n {
			token := common.Address{0xdf, 18: byte(i >> 8), 19: byte(i)}
			tokens = append(tokens, token)
			codes[token] = tokenCode(map[uint32]any{symbolOf: abiText(fmt.Sprint("T", i)), decimalsOf: returns(word(int64(i % 19))), nameOf: abiText("A token")})
		}
		g := startGeth(t, codes)
		g.mineBlocks(finality + 2)
		p := startProxy(t, g.url)
		chain := open(t, p.url)
		completer := currencies.New("c", markets.EVM, chain, openStore(t))
		view := advance(t, chain, nil, true)
		p.counted()
		before := p.requests.Load()
		events := inCurrencies(finality, tokens...)
		if err := completer.Complete(t.Context(), view, events); err != nil {
			t.Fatal(err)
		}
		requests := p.requests.Load() - before
		t.Logf("%d new currencies: %d requests, %v", n, requests, p.counted())
		if requests > 3 { // a hundred are too many for one aggregate
			t.Errorf("%d requests for %d currencies", requests, n)
		}
		for i := range events {
			if want := (markets.Currency{Address: tokens[i].Hex(), Symbol: fmt.Sprint("T", i), Decimals: i % 19}); events[i].Currency != want {
				t.Fatalf("%+v, want %+v", events[i].Currency, want)
			}
		}
	}
}
