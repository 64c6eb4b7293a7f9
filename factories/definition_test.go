package factories_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/factories"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const pool = `market: pool
kind: evm
chains:
  home: {chainId: 7, start: 5, contracts: {factory: "0x00000000000000000000000000000000000000fa", router: "0x00000000000000000000000000000000000000aa"}}
abi: |
  event NewPair(address indexed pair, string note, bool open);
  event NewVaults(address[] vaults);
  event Swap(uint256 id, uint256 price);
  event Routed(uint256 id, uint256 price);
factories:
  pair: {contract: factory, event: NewPair, when: open, address: pair}
  vault: {contract: factory, event: NewVaults, for: vaults, address: item}
  text: {contract: factory, event: NewPair, when: not open, address: note}
streams:
  buy:
    - event: Swap
      contract: [pair, text]
      becomes: {kind: bought, order: 'emitter + "-" + id', price: price, currency: coin}
    - event: Routed
      contract: router
      becomes: {kind: bought, order: 'emitter + "-" + id', price: price, currency: coin}
  vaults:
    event: Swap
    contract: vault
    raw: true
    becomes: {kind: listed, order: 'emitter + "-" + id', maker: emitter, price: price, currency: coin}
`

var (
	maker  = common.HexToAddress("0xfa")
	router = common.HexToAddress("0xaa")
	a, b   = common.HexToAddress("0xa"), common.HexToAddress("0xb")
)

func streamsOf(t *testing.T, text string) []markets.Stream {
	t.Helper()
	d, err := definition.Parse(definition.Source{File: "pool.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 7})
	if err != nil {
		t.Fatal(err)
	}
	return m.Streams
}

func newPair(t *testing.T, by, pair common.Address, note string, open bool) markets.Raw {
	return markettest.Log(t, by, "event NewPair(address indexed pair, string note, bool open)", pair, note, open)
}

func newVaults(t *testing.T, vaults ...common.Address) markets.Raw {
	return markettest.Log(t, maker, "event NewVaults(address[] vaults)", vaults)
}

func swap(t *testing.T, by common.Address, id int) markets.Raw {
	return markettest.Log(t, by, "event Swap(uint256 id, uint256 price)", id, 5)
}

// become is what a stream reads of logs that follow each other, in one transaction.
func become(s markets.Stream, logs ...markets.Raw) (out []string) {
	read, _ := factories.Filter(s.Source.Factories, factories.Contracts{}, markettest.Transaction(9, logs...))
	events, failures := s.DecodeAll(read)
	for _, e := range events {
		if out = append(out, e.Order); e.Kind == markets.ContractCreated {
			out[len(out)-1] = e.Factory + " " + e.Contract
		}
	}
	for _, f := range failures {
		out = append(out, f.Reason.Error())
	}
	return out
}

// A definition's streams read the contracts that its factories announce, in the same
// transaction too, and no others.
func TestDefinitionsReadAnnouncedContracts(t *testing.T) {
	streams := streamsOf(t, pool)
	buy, vaults := streams[0], streams[1]
	if buy.Source.Addresses != nil || len(buy.Source.Topics) != 3 || buy.Start != 5 || buy.Observer != "order-buy" {
		t.Errorf("the stream is %+v", buy)
	}
	if want := []string{maker.Hex(), router.Hex()}; !slices.Equal(buy.Source.Factories.Contracts, want) {
		t.Errorf("the contracts are %v, want %v", buy.Source.Factories.Contracts, want)
	}
	order := func(by common.Address, id int) string { return fmt.Sprintf("%s-%d", by.Hex(), id) }
	for name, c := range map[string]struct {
		stream markets.Stream
		logs   []markets.Raw
		want   []string
	}{
		"before, after, strangers": {buy,
			[]markets.Raw{swap(t, a, 1), newPair(t, maker, a, "", true), swap(t, a, 2), swap(t, b, 3)},
			[]string{"pair " + a.Hex(), order(a, 2)}},
		"a stranger announces": {buy, []markets.Raw{newPair(t, b, a, "", true), swap(t, a, 2)}, nil},
		"another factory":      {buy, []markets.Raw{newVaults(t, a), swap(t, a, 2)}, nil},
		"several at once": {vaults, []markets.Raw{newVaults(t, a, b), swap(t, a, 2), swap(t, b, 3)},
			[]string{"vault " + a.Hex(), "vault " + b.Hex(), order(a, 2), order(b, 3)}},
		"a contract with an address": {buy,
			[]markets.Raw{markettest.Log(t, router, "event Routed(uint256 id, uint256 price)", 4, 5), markettest.Log(t, b, "event Routed(uint256 id, uint256 price)", 4, 5), swap(t, router, 6)},
			[]string{order(router, 4)}},
		"a text": {buy, []markets.Raw{newPair(t, maker, b, strings.ToLower(a.Hex()), false), swap(t, a, 2), swap(t, b, 2)},
			[]string{"text " + a.Hex(), order(a, 2)}},
		"no address": {buy, []markets.Raw{newPair(t, maker, a, "me", false), swap(t, a, 2)},
			[]string{`contract_created (line 13): address: "me" is not an address`}},
		"a large announcement": {buy, []markets.Raw{newPair(t, maker, a, strings.Repeat("x", 1<<17), true), swap(t, a, 2)},
			[]string{"announces contracts in more than 65536 bytes"}},
	} {
		if got := become(c.stream, c.logs...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A stream starts with what it reads on its chain: with its factory, or without it where that
// has no address.
func TestStreamsStartWithTheirFactories(t *testing.T) {
	for name, c := range map[string]struct {
		contracts string
		start     int64
		read      bool
	}{
		"the factory's start": {`{chainId: 7, contracts: {factory: {address: "0x00000000000000000000000000000000000000fa", start: 50}, router: {address: "0x00000000000000000000000000000000000000aa", start: 70}}}`, 50, true},
		"the other's start":   {`{chainId: 7, contracts: {factory: {address: "0x00000000000000000000000000000000000000fa", start: 50}, router: {address: "0x00000000000000000000000000000000000000aa", start: 30}}}`, 30, true},
		"no factory":          {`{chainId: 7, contracts: {router: {address: "0x00000000000000000000000000000000000000aa", start: 30}}}`, 30, false},
	} {
		head, rest, _ := strings.Cut(pool, "  home: ")
		_, rest, _ = strings.Cut(rest, "\n")
		streams := streamsOf(t, head+"  home: "+c.contracts+"\n  away: {chainId: 8, contracts: {factory: \"0x00000000000000000000000000000000000000fa\"}}\n"+rest)
		buy := streams[0]
		if buy.Start != c.start || (buy.Source.Factories != nil) != c.read || (buy.Source.Addresses == nil) != c.read || (len(streams) == 2) != c.read {
			t.Errorf("%s: %+v", name, streams)
		}
	}
}

// What a transaction does not tell is taken for granted, and said.
func TestExplainAnnouncedContracts(t *testing.T) {
	d, err := definition.Parse(definition.Source{File: "pool.yaml", Text: []byte(pool)})
	if err != nil {
		t.Fatal(err)
	}
	transaction := markettest.Transaction(9, newPair(t, maker, a, "", true), swap(t, b, 2), markettest.Log(t, router, "event Routed(uint256 id, uint256 price)", 4, 5))
	var got []string
	for i := range transaction {
		verdicts, err := d.Explain(definition.Site{ChainID: 7}, transaction, i)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verdicts {
			got = append(got, fmt.Sprintf("%d %s: %s, %d events, %q, %q", i, v.Stream, v.Event, len(v.Events), v.Given, v.Reason))
		}
	}
	want := []string{
		`0 buy: NewPair, 1 events, "", ""`,
		`0 buy: NewPair, 0 events, "", "no condition (when) holds"`,
		`1 buy: Swap of pair, text, 1 events, "0x000000000000000000000000000000000000000b was announced before by an event of pair or text", ""`,
		`1 vaults: Swap of vault, 1 events, "0x000000000000000000000000000000000000000b was announced before by an event of vault", ""`,
		`2 buy: Routed, 1 events, "", ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("explained as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An event that is kept can be decoded by itself: it says that its contract was announced.
func TestRawEventsSayThatTheirContractWasAnnounced(t *testing.T) {
	vaults := streamsOf(t, pool)[1]
	read, _ := factories.Filter(vaults.Source.Factories, factories.Contracts{}, markettest.Transaction(9, newVaults(t, a), swap(t, a, 2)))
	events, _ := vaults.DecodeAll(read)
	var kept markets.Raw
	if err := json.Unmarshal(events[1].Raw, &kept); err != nil {
		t.Fatal(err)
	}
	again, failures := vaults.DecodeAll([]markets.Raw{kept})
	if len(again) != 1 || again[0].Order != events[1].Order || len(failures) > 0 {
		t.Errorf("decoded again: %v, %v", again, failures)
	}
}

// What is wrong with factories is reported at its place.
func TestProblemsOfFactories(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"name of a contract":  {"  pair: {", "  router: {", "11:3: factories.router: router is the name of a contract already"},
		"any":                 {"pair: {contract: factory", "pair: {contract: any", "11:20: factories.pair.contract: anybody could announce contracts"},
		"of another factory":  {"vault: {contract: factory", "vault: {contract: pair", "12:21: factories.vault.contract: unknown contract pair: chains have factory, router"},
		"unknown event":       {"event: NewVaults,", "event: NewVault,", "12:37: factories.vault.event: unknown event NewVault (did you mean NewVaults?)"},
		"a number":            {"address: item", "address: len(vaults)", "12:70: factories.vault.address: is a number where a text is needed"},
		"no address":          {", address: item", "", "12:3: factories.vault: address is missing: the address of the contract that is announced"},
		"unknown factory":     {"contract: vault", "contract: vaults", "24:15: streams.vaults.contract: unknown contract vaults (did you mean vault?): chains have factory, router, factories have pair, vault, text"},
		"unknown option":      {"for: vaults", "let: vaults", "12:48: factories.vault.let: unknown option"},
		"announces, of aptos": {"kind: evm", "kind: aptos", "factories: unknown option"},
	} {
		if !strings.Contains(pool, c.from) {
			t.Fatalf("%s: nothing to change", name)
		}
		_, err := definition.Parse(definition.Source{File: "pool.yaml", Text: []byte(strings.Replace(pool, c.from, c.to, 1))})
		if problems, ok := err.(definition.Problems); !ok || !strings.Contains(problems.Lines(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	d, err := definition.Parse(definition.Source{File: "pool.yaml", Text: []byte(strings.Replace(pool, "contract: vault", "contract: pair", 1))})
	if err != nil || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0].String(), "12:3: factories.vault: no source has contract: vault") {
		t.Errorf("an idle factory: %v, %v", d.Warnings, err)
	}
	if _, err := d.On(definition.Site{ChainID: 7, Contracts: map[string][]string{"pair": {a.Hex()}}}); err == nil {
		t.Error("announced contracts can be configured")
	}
}
