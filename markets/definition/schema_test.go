package definition

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
)

// The schema has the words that market events have.
func TestSchemaHasTheWords(t *testing.T) {
	type words struct {
		Enum  []string
		AnyOf []struct{ Enum []string }
	}
	type option struct {
		words
		Properties map[string]words
	}
	var schema struct {
		Defs map[string]struct{ Properties map[string]json.RawMessage } `json:"$defs"`
	}
	if err := json.Unmarshal(SchemaJSON, &schema); err != nil {
		t.Fatal(err)
	}
	read := func(part, name string) (o option) {
		if err := json.Unmarshal(schema.Defs[part].Properties[name], &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	var kinds []string
	for _, k := range markets.Kinds() {
		if k != markets.OrderChecked && k != markets.SignedRefused && k != markets.ContractCreated { // facts, refusals and announcements are not defined
			kinds = append(kinds, string(k))
		}
	}
	for what, c := range map[string]struct{ got, want []string }{
		"kinds":              {read("outcome", "kind").Enum, kinds},
		"sides":              {read("outcome", "side").Enum, []string{string(markets.Ask), string(markets.Bid), unknownSide}},
		"standards on EVM":   {read("evmOutcome", "token").Properties["standard"].AnyOf[0].Enum, standardsOf(markets.EVM)},
		"standards on Aptos": {read("aptosOutcome", "token").Properties["standard"].AnyOf[0].Enum, standardsOf(markets.Aptos)},
		"kinds of chains":    {read("evm", "kind").Enum, []string{string(markets.EVM), string(markets.Aptos)}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: the schema has %v, want %v", what, c.got, c.want)
		}
	}
}

// TestProblems expects the one problem of a definition in which something is changed.
func TestProblems(t *testing.T) {
	const evm = `market: shop
kind: evm
chains:
  home: {chainId: 7, start: 5, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}
currencies:
  gold: {address: "0x00000000000000000000000000000000000000aa", symbol: G, decimals: 3}
abi: event Sold(uint256 indexed id, address seller)
streams:
  buy:
    event: Sold
    contract: shop
    becomes: {kind: bought, order: id, token: {id: id, standard: ERC-721}}
  other: {event: Sold, becomes: [{kind: recorded, record: {type: t, key: id}}]}
`
	for name, c := range map[string]struct{ from, to, want string }{
		"no name":             {"market: shop\n", "", "x.yaml:1:1: market is missing: its name, such as my-market"},
		"bad name":            {"market: shop", "market: My Shop", `x.yaml:1:9: market: "My Shop" is not a name of small letters, digits and '-', at most 40 of them`},
		"no kind":             {"kind: evm\n", "", "x.yaml:1:1: kind is missing: write evm or aptos"},
		"no chains":           {"  home: {chainId: 7, start: 5, contracts: {shop: \"0x00000000000000000000000000000000000000aa\"}}\n", "  {}\n", "x.yaml:3:1: chains: name at least one chain"},
		"no chain id":         {"chainId: 7, ", "", "x.yaml:4:3: chains.home: chainId is missing: the number that the chain calls itself by, such as 1 for Ethereum, or any"},
		"bad chain id":        {"chainId: 7", "chainId: all", `x.yaml:4:19: chains.home.chainId: "all" is not the number that the chain calls itself by, or any`},
		"negative start":      {"start: 5", "start: -5", `x.yaml:4:29: chains.home.start: "-5" is not an integer from 0 to 9007199254740992`},
		"account on evm":      {"start: 5", "account: 5", "x.yaml:4:22: chains.home.account: unknown option: known here are chainId, contracts, start"},
		"types on evm":        {"abi: ", "types: x\nabi: ", "x.yaml:7:1: types: unknown option: known here are abi, about, chains, currencies, factories, kind, market, notifications, raw, streams"},
		"address as a list":   {`contracts: {shop: "0x00000000000000000000000000000000000000aa"}`, "contracts: {shop: [[5]]}", "x.yaml:4:51: chains.home.contracts.shop[0]: expected an address, or {address, start}"},
		"no symbol":           {"symbol: G, ", "", "x.yaml:6:3: currencies.gold: symbol is missing: such as GHST"},
		"decimals":            {"decimals: 3", "decimals: 78", `x.yaml:6:86: currencies.gold.decimals: "78" is not an integer from 0 to 77`},
		"bad stream":          {"  other:", "  Other:", "x.yaml:13:3: streams.Other: names have small letters, digits and '-', at most 40 of them"},
		"stream of nothing":   {"  other: {event: Sold, becomes: [{kind: recorded, record: {type: t, key: id}}]}", "  other:", "x.yaml:13:3: streams.other: name what it is made of: an event, and what that becomes"},
		"no event":            {"    event: Sold\n", "", "x.yaml:9:3: streams.buy: event is missing: the name of an event of abi"},
		"becomes nothing":     {", becomes: [{kind: recorded, record: {type: t, key: id}}]", "", "x.yaml:13:3: streams.other: becomes is missing: the market events that it becomes"},
		"becomes a text":      {"becomes: [{kind: recorded, record: {type: t, key: id}}]", "becomes: recorded", "x.yaml:13:33: streams.other.becomes: expected a market event, or a list of market events"},
		"no kind of outcome":  {"kind: recorded, ", "", "x.yaml:13:34: streams.other.becomes[0]: kind is missing: what happened, such as listed or bought"},
		"no key":              {", key: id", "", "x.yaml:13:51: streams.other.becomes[0].record: key is missing: what tells it from others of its type"},
		"type of a record":    {"type: t", "type: maker", `x.yaml:13:66: streams.other.becomes[0].record.type: "maker" cannot be the type of a record`},
		"standard":            {"ERC-721", "ERC-720", `x.yaml:12:66: streams.buy.becomes.token.standard: unknown value "ERC-720" (did you mean ERC-721?): choose ERC-721 or ERC-1155`},
		"computed standard":   {"ERC-721", "'id > 5 ? \"ERC-721\" : \"ERC-1155\"'", ""},
		"constant standard":   {"ERC-721", "'\"ERC-\" + 72'", `x.yaml:12:66: streams.buy.becomes.token.standard: unknown value "ERC-72": choose ERC-721 or ERC-1155`},
		"kind of a standard":  {"ERC-721", "id", "x.yaml:12:66: streams.buy.becomes.token.standard: is a number where a text is needed"},
		"bundle of numbers":   {"kind: bought", "kind: bought, bundle: '[id]'", "x.yaml:12:37: streams.buy.becomes.bundle: is a list of other things than tokens"},
		"bundle without ids":  {"kind: bought", "kind: bought, bundle: '[{collection: seller}]'", "x.yaml:12:37: streams.buy.becomes.bundle: its elements have no id"},
		"bundle of texts":     {"kind: bought", "kind: bought, bundle: '[{collection: id, id: id}]'", "x.yaml:12:37: streams.buy.becomes.bundle: collection of its elements is a number, not a text"},
		"type of bytes":       {"order: id", "order: 'abi(seller, \"(addres)\")'", `x.yaml:12:49: streams.buy.becomes.order: "(addres)" is not a type`},
		"standard of aptos":   {"ERC-721", "aptos-object", `x.yaml:12:66: streams.buy.becomes.token.standard: unknown value "aptos-object": choose`},
		"side":                {"kind: bought", "side: both, kind: bought", `x.yaml:12:21: streams.buy.becomes.side: unknown value "both": choose ask, bid or unknown`},
		"a list of a key":     {"order: id", "order: [id]", "x.yaml:12:29: streams.buy.becomes.order: expected a single value"},
		"handle on evm":       {"    contract: shop", "    handle: shop", "x.yaml:11:5: streams.buy.handle: unknown option: known here are becomes, contract, decoder, event, for, let, raw, transferOf, transfers, when"},
		"unknown decoder":     {"{event: Sold, becomes: [{kind: recorded, record: {type: t, key: id}}]}", "{decoder: x/y}", "x.yaml:13:20: streams.other.decoder: unknown decoder x/y"},
		"decoder with others": {"{event: Sold, becomes: [{kind: recorded, record: {type: t, key: id}}]}", "{decoder: x/y, event: Sold}", "x.yaml:13:25: streams.other.event: unknown option: known here are contract, decoder, own, raw"},
		"transfers":           {"    contract: shop", "    transfers: yes", `x.yaml:11:16: streams.buy.transfers: write true, after, transaction, or {since: …, until: …}`},
		"raw":                 {"    contract: shop", "    raw: yes", `x.yaml:11:10: streams.buy.raw: unknown value "yes": choose true or false`},
		"let not a name":      {"    contract: shop", "    let: {1st: id}", `x.yaml:11:16: streams.buy.let.1st: "1st" is not a name: letters, digits and '_', not starting with a digit`},
		"let of a field":      {"    contract: shop", "    let: {id: seller}", "x.yaml:11:15: streams.buy.let.id: id is taken: choose another name"},
		"let after its use":   {"    contract: shop", "    let: {a: b, b: id}", "x.yaml:11:14: streams.buy.let.a: unknown name b"},
		"kind of a let":       {"    contract: shop\n    becomes: {kind: bought, order: id,", "    let: {who: seller}\n    becomes: {kind: bought, order: id, quantity: who,", "x.yaml:12:50: streams.buy.becomes.quantity: is a text where a number is needed"},
		"fees":                {"kind: bought", "kind: bought, fees: seller", "x.yaml:12:35: streams.buy.becomes.fees: expected {receiver, amount}, or a list of those"},
		"no receiver":         {"kind: bought", "kind: bought, fees: {amount: id, currency: coin}", "x.yaml:12:29: streams.buy.becomes.fees: receiver is missing: who gets it"},
		"no amount":           {"kind: bought", "kind: bought, royalties: [{receiver: seller, currency: coin}]", "x.yaml:12:41: streams.buy.becomes.royalties[0]: amount is missing: how much"},
		"kind of an amount":   {"kind: bought", "kind: bought, royalties: [{receiver: seller, amount: seller, currency: coin}]", "x.yaml:12:68: streams.buy.becomes.royalties[0].amount: is a text where a number is needed"},
		"fees in what":        {"kind: bought", "kind: bought, fees: {receiver: seller, amount: id}", "x.yaml:12:29: streams.buy.becomes.fees: currency is missing: what the amount is in, such as coin"},
		"prices and price":    {"kind: bought", "kind: bought, price: id, currency: coin, prices: {amount: id, currency: coin}", "x.yaml:12:56: streams.buy.becomes.prices: price is given too: write one of the two"},
		"price of nothing":    {"kind: bought", "kind: bought, prices: {amount: id}", "x.yaml:12:29: streams.buy.becomes.prices: currency is missing"},
		"an end price":        {"kind: bought", "kind: bought, endPrice: id", "x.yaml:12:39: streams.buy.becomes.endPrice: price is missing: what it moves from"},
		"starts at a name":    {"kind: bought", "kind: bought, startsAt: seller", "x.yaml:12:39: streams.buy.becomes.startsAt: is a text where a number or time is needed"},
		"reserved for":        {"kind: bought", "kind: bought, reservedFor: id", "x.yaml:12:42: streams.buy.becomes.reservedFor: is a number where a text is needed"},
		"unknown contract":    {"contract: shop", "contract: ship", "x.yaml:11:15: streams.buy.contract: unknown contract ship (did you mean shop?): chains have shop"},
		"same chain id":       {"currencies:", "  away: {chainId: 7}\ncurrencies:", "x.yaml:5:3: chains.away: another entry has the same chainId"},
		"nothing":             {evm, "", "x.yaml:1:1: the file is empty"},
	} {
		if c.from != evm && strings.Count(evm, c.from) == 0 {
			t.Errorf("%s: nothing to change", name)
		}
		_, err := Parse(Source{File: "x.yaml", Text: []byte(strings.Replace(evm, c.from, c.to, 1))})
		ps, _ := err.(Problems)
		if c.want == "" && err == nil {
			continue
		}
		if len(ps) == 0 || !strings.HasPrefix(ps[0].String(), c.want) && !strings.Contains(ps.Lines(), "\n"+c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		} else if len(ps) > 1 && name != "decoder with others" {
			t.Errorf("%s: more than one problem:\n%s", name, ps.Lines())
		}
	}
}
