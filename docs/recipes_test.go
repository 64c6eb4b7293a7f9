package docs_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// recipes are the market of each recipe of the page, in order.
func recipes(t *testing.T) (all []markets.Market) {
	t.Helper()
	for _, b := range readPage(t, "recipes.md").blocks() {
		if b.language != "yaml" {
			continue
		}
		chain, site := "kind: evm\nchains: {any: {chainId: any, contracts: {market: \"0x00000000000000000000000000000000000000aa\"}}}\n", definition.Site{ChainID: 1}
		if strings.HasPrefix(b.text, "types:") {
			chain = "kind: aptos\nchains: {any: {chainId: any, account: \"0x5\", start: 1}}\n"
		}
		d, err := definition.Parse(definition.Source{File: "recipes.md", Text: []byte("market: recipe\n" + chain + b.text)})
		if err != nil {
			t.Fatalf("line %d: %v", b.line, err)
		}
		m, err := d.On(site)
		if err != nil {
			t.Fatal(err)
		}
		m.Name = fmt.Sprintf("%s, line %d", b.section, b.line)
		all = append(all, m)
	}
	return all
}

// short is the last digits of an address or hash.
func short(text string) string {
	return strings.TrimLeft(strings.ToLower(text), "0x")
}

// Each recipe is sound, and makes of an event what the page says.
func TestRecipes(t *testing.T) {
	shop, seller, buyer, punks := common.HexToAddress("0xaa"), common.HexToAddress("0x5e"), common.HexToAddress("0xb1"), common.HexToAddress("0xcc")
	router, gold := common.HexToAddress("0xff"), common.HexToAddress("0x60")
	log := func(declaration string, values ...any) markets.Raw {
		return markettest.Log(t, shop, declaration, values...)
	}
	moved := func(from, to common.Address, id int) markets.Raw {
		return markettest.Log(t, punks, "Transfer(address indexed,address indexed,uint256 indexed)", from, to, id)
	}
	paid := func(from, to common.Address, amount int) markets.Raw {
		return markettest.Log(t, gold, "Transfer(address indexed,address indexed,uint256)", from, to, amount)
	}
	ints := func(values ...int64) (list []*big.Int) {
		for _, v := range values {
			list = append(list, big.NewInt(v))
		}
		return list
	}
	var class [4]byte
	copy(class[:], crypto.Keccak256([]byte("ERC721")))
	packed := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(250), 160), buyer.Big())
	items, payment := encode(t, []tokenOfABI{{punks, big.NewInt(7)}, {punks, big.NewInt(8)}}), append(common.LeftPadBytes(gold[:], 32), common.LeftPadBytes([]byte{9}, 32)...)

	cases := []struct {
		logs []markets.Raw
		json string // of an event of Aptos
		want string
	}{
		{logs: []markets.Raw{moved(seller, buyer, 7), moved(seller, router, 6), log("Sold(uint256 indexed,address,uint256,uint256)", 1, punks, 7, 5)},
			want: "bought 1: 5e → b1, 1 × 7 of cc, 5 ETH"},
		{logs: []markets.Raw{moved(seller, router, 7), moved(router, buyer, 7), log("Sold(uint256 indexed,address,address,uint256,uint256)", 1, seller, punks, 7, 5)},
			want: "bought 1: 5e → b1, 1 × 7 of cc, 5 ETH"},
		{logs: []markets.Raw{log("Listed(uint256 indexed,address,uint256)", 1, seller, 5)}, want: "listed ask-1@0x00000000000000000000000000000000000000AA: by 5e, 5 ETH"},
		{logs: []markets.Raw{log("OfferAccepted(address indexed,address indexed,uint256 indexed,address,uint256)", buyer, punks, 7, seller, 5)}, want: "offer_accepted …: 5e → b1, 7 of cc, 5 ETH"},
		{logs: []markets.Raw{log("Sold(uint256 indexed,uint256,address)", 1, 5, common.HexToAddress("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"))}, want: "bought 1: 5 ETH"},
		{logs: []markets.Raw{paid(buyer, seller, 5), log("Sold(uint256 indexed,address,address,uint256)", 1, seller, buyer, 5)}, want: "bought 1: 5e → b1, 5 of 60"},
		{logs: []markets.Raw{log("Sold(uint256 indexed,address,uint256[],uint256[],uint256)", 1, punks, ints(7, 8), ints(2, 3), 5)}, want: "bought 1: 2 × 7 of cc and 3 × 8 of cc, 5 ETH"},
		{logs: []markets.Raw{log("Bought(uint256 indexed,address,address,address,uint256,uint256,uint256)", 1, seller, buyer, punks, 7, 3, 5)}, want: "bought 1: 5e → b1, 3 × 7 of cc, 15 ETH, partial"},
		{logs: []markets.Raw{log("Listed(uint256 indexed,address,bytes4,address,uint256,uint256)", 1, seller, class, punks, 7, 5)}, want: "listed 1: by 5e, 1 × 7 of cc, 5 ETH"},
		{logs: []markets.Raw{log("AuctionCreated(uint256 indexed,address,uint256,uint256,uint256,uint256,address)", 1, seller, 50, 5, 100, 60, common.Address{})},
			want: "listed 1: by 5e, 50 ETH, down to 5, until 160"},
		{logs: []markets.Raw{log("Sold(uint256 indexed,address,address,uint256,address,uint256,address[],uint256[])", 1, seller, buyer, 10000, router, 250, []common.Address{gold, punks}, ints(100, 50))},
			want: "bought 1: 5e → b1, 10400 ETH, fee 250 to ff, royalty 100 to 60, royalty 50 to cc"},
		{logs: []markets.Raw{log("OrderFilled(bytes32 indexed,uint256,uint256)", [32]byte{31: 7}, packed, 6)}, want: "bought …: to b1, 250 ETH, partial"},
		{logs: []markets.Raw{log("Executed(bytes32 indexed,address,address,bytes,bytes)", [32]byte{31: 7}, seller, buyer, items, payment)}, want: "bought …: 5e → b1, 1 × 7 of cc and 1 × 8 of cc, 9 of 60"},
		{json: `{"id": "1", "bidder": "0xb1", "price": "5", "timestamp": "100000000", "lasts": "60"}`, want: "offer_made offer-1: by b1, 5 APT, until 160"},
		{json: `{"id": "1", "seller": "0x5e", "buyer": "0xb1", "price": "5", "fee": "2", "referrer": {"vec": []}, "coin": {"account_address": "0x1", "module_name": "0x6170746f735f636f696e", "struct_name": "AptosCoin"},
			"token_id": {"token_data_id": {"creator": "0xc", "collection": "Punks", "name": "7"}, "property_version": "0"}}`, want: "bought ask-1: 5e → b1, 1 × …, 5 APT, fee 2 to 5"},
		{logs: []markets.Raw{log("AllCancelled(address indexed)", seller)}, want: "orders_cancelled : by 5e"},
		{logs: []markets.Raw{log("NewMinNonce(address indexed,uint256)", seller, 12)}, want: "orders_cancelled : by 5e, below 12"},
	}
	all := recipes(t)
	if len(all) != len(cases) {
		t.Fatalf("%d of %d recipes are tested", len(cases), len(all))
	}
	for i, c := range cases {
		m := all[i]
		raws := markettest.Transaction(10, c.logs...)
		if c.json != "" {
			raws = []markets.Raw{{Type: m.Streams[0].Source.Types[0], JSON: json.RawMessage(c.json)}}
		}
		events, failures := m.Streams[0].DecodeAll(raws[len(raws)-1:])
		if len(failures) > 0 || len(events) != 1 {
			t.Errorf("%s: %d events, %v", m.Name, len(events), failures)
			continue
		}
		if got := tell(events[0]); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", m.Name, got, c.want)
		}
	}
}

// tokenOfABI is (address collection, uint256 number), as go-ethereum packs it.
type tokenOfABI struct {
	Collection common.Address `json:"collection"`
	Number     *big.Int       `json:"number"`
}

func encode(t *testing.T, tokens []tokenOfABI) []byte {
	t.Helper()
	list, err := abi.NewType("tuple[]", "", []abi.ArgumentMarshaling{{Name: "collection", Type: "address"}, {Name: "number", Type: "uint256"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := abi.Arguments{{Type: list}}.Pack(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tell writes an event in a line.
func tell(e markets.Event) string {
	order := e.Order
	if len(order) == 64 || len(order) == 66 {
		order = "…"
	}
	var parts []string
	switch {
	case e.Kind.Sale() && e.From != "":
		parts = append(parts, short(e.From)+" → "+short(e.To))
	case e.To != "":
		parts = append(parts, "to "+short(e.To))
	case e.Maker != "":
		parts = append(parts, "by "+short(e.Maker))
	}
	if tokens := tellTokens(e); tokens != "" {
		parts = append(parts, tokens)
	}
	if e.Price.Known() {
		currency := e.Currency.Symbol
		if currency == "" {
			currency = "of " + short(e.Currency.Address)
		}
		parts = append(parts, string(e.Price)+" "+currency)
	}
	if e.EndPrice.Known() {
		parts = append(parts, "down to "+string(e.EndPrice))
	}
	if e.ExpiresAt != nil {
		parts = append(parts, fmt.Sprintf("until %d", e.ExpiresAt.Unix()))
	}
	if e.Partial {
		parts = append(parts, "partial")
	}
	if e.Below.Known() {
		parts = append(parts, "below "+string(e.Below))
	}
	for _, f := range e.Fees {
		parts = append(parts, fmt.Sprintf("fee %s to %s", f.Amount, short(f.Receiver)))
	}
	for _, r := range e.Royalties {
		parts = append(parts, fmt.Sprintf("royalty %s to %s", r.Amount, short(r.Receiver)))
	}
	return string(e.Kind) + " " + order + ": " + strings.Join(parts, ", ")
}

func tellTokens(e markets.Event) string {
	items := e.Bundle
	if len(items) == 0 && e.Token.ID != "" {
		items = []markets.Item{{Token: e.Token, Quantity: e.Quantity}}
	}
	var tokens []string
	for _, item := range items {
		token := item.Token.ID + " of " + short(item.Token.Collection)
		if len(item.Token.ID) > 60 {
			token = "…"
		}
		if item.Quantity.Known() {
			token = string(item.Quantity) + " × " + token
		}
		tokens = append(tokens, token)
	}
	return strings.Join(tokens, " and ")
}
