package definition_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const trade = `
market: trades
kind: evm
chains: {any: {chainId: any, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}}
abi: event Trade(uint256 indexed id, address seller, address buyer, address keeper, uint256 packed, uint256[] ids, bytes data)
streams:
  buy: {event: Trade, becomes: {kind: bought, order: id, maker: seller, taker: buyer, token: {collection: emitter, id: id}, FIELDS}}
`

var seller, buyer, keeper = common.HexToAddress("0x5e"), common.HexToAddress("0xb1"), common.HexToAddress("0xee")

// traded is what the definition makes of one sale, or why it failed.
func traded(t *testing.T, fields string, packed *big.Int, data []byte) (markets.Event, error) {
	t.Helper()
	s := on(t, parsed(t, strings.Replace(trade, "FIELDS", fields, 1)), definition.Site{ChainID: 7}).Streams[0]
	events, failures := s.DecodeAll([]markets.Raw{markettest.Log(t, common.HexToAddress("0xaa"), "event Trade(uint256 indexed,address,address,address,uint256,uint256[],bytes)",
		9, seller, buyer, keeper, packed, []*big.Int{big.NewInt(4), big.NewInt(5)}, data)})
	if len(failures) > 0 {
		return markets.Event{}, failures[0].Reason
	}
	return events[0], nil
}

// Of a sale's two sides, what is not given follows from its side, maker and taker.
func TestSidesOfSales(t *testing.T) {
	short := func(address string) string { return strings.TrimLeft(strings.ToLower(address), "0x") }
	for fields, want := range map[string]string{
		"quantity: 1":              "5e b1",
		"to: keeper":               "5e ee",
		"from: keeper":             "ee b1",
		"from: keeper, to: seller": "ee 5e",
		"side: bid, to: keeper":    "b1 ee",
		"side: bid, from: keeper":  "ee 5e",
	} {
		e, err := traded(t, fields, new(big.Int), nil)
		if got := short(e.From) + " " + short(e.To); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", fields, got, err, want)
		}
	}
}

// Numbers that are packed into others, and values in bytes.
func TestPackedValues(t *testing.T) {
	// 96 bits of a price, 160 of an address
	packed := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(250), 160), keeper.Big())
	data := common.LeftPadBytes([]byte{7}, 32)
	for fields, want := range map[string]string{
		"price: packed >> 160, currency: coin, reservedFor: address(packed % 2^160)":                         "250 0x00000000000000000000000000000000000000eE",
		"price: 'bits(packed, 160, 96)', currency: coin, reservedFor: 'address(bits(packed, 0, 160))'":       "250 0x00000000000000000000000000000000000000eE",
		"price: packed >> 160, currency: coin, reservedFor: address(packed & 2^160 - 1)":                     "250 0x00000000000000000000000000000000000000eE",
		`price: 'abi(data, "uint256")', currency: coin`:                                                      "7 ",
		`price: 'abi(data, "(uint8 kind)").kind + abi("0x" + data[2:], "(uint256)").arg0', currency: coin`:   "14 ",
		"price: 340282366920938463463374607431768211456 / 2^127, currency: coin, reservedFor: address(0xee)": "2 0x00000000000000000000000000000000000000eE",
	} {
		e, err := traded(t, fields, packed, data)
		if got := fmt.Sprintf("%s %s", e.Price, e.ReservedFor); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", fields, got, err, want)
		}
	}
	if _, err := traded(t, `price: 'abi(data, "uint256")', currency: coin`, packed, data[:31]); err == nil || !strings.Contains(err.Error(), "price: abi: the data ends too early") {
		t.Errorf("too short: %v", err)
	}
}

// A bundle can be made of a list of ids; the standard of a token can be computed.
func TestTokensAreComputed(t *testing.T) {
	const standard = `packed == 0 ? "ERC-721" : packed == 1 ? "ERC-1155" : "ERC-20"`
	e, err := traded(t, `bundle: 'map(ids, ({collection: emitter, id: #, standard: `+standard+`}))'`, new(big.Int), nil)
	if err != nil || len(e.Bundle) != 2 || e.Bundle[1].ID != "5" || e.Bundle[1].Quantity != "1" || e.Bundle[1].Standard != markets.ERC721 || e.Token.ID != "4" {
		t.Errorf("%+v, %v", e, err)
	}
	one := strings.Replace(trade, "id: id}", "id: id, standard: '"+standard+"'}", 1)
	for packed, want := range []string{markets.ERC721, markets.ERC1155, ""} {
		s := on(t, parsed(t, strings.Replace(one, "FIELDS", "partial: false", 1)), definition.Site{ChainID: 7}).Streams[0]
		events, failures := s.DecodeAll([]markets.Raw{markettest.Log(t, common.HexToAddress("0xaa"), "event Trade(uint256 indexed,address,address,address,uint256,uint256[],bytes)",
			9, seller, buyer, keeper, packed, []*big.Int{}, []byte{})})
		if want == "" {
			if len(failures) != 1 || !strings.Contains(failures[0].Reason.Error(), `token.standard: "ERC-20" is not a standard: there are ERC-721 or ERC-1155`) {
				t.Errorf("%v %v", events, failures)
			}
			continue
		}
		if len(failures) > 0 || events[0].Token.Standard != want {
			t.Errorf("%d: %+v %v", packed, events, failures)
		}
	}
	if _, err := traded(t, `bundle: 'map(ids, ({collection: emitter, id: #, standard: `+standard+`}))'`, big.NewInt(2), nil); err == nil {
		t.Error("a bundle of ERC-20 is decoded")
	}
}

// A start of 0 is one; only where none is given it is not known.
func TestStartOfZero(t *testing.T) {
	const text = `
market: shop
kind: evm
chains: {one: {chainId: 1, START contracts: {a: {address: "0x00000000000000000000000000000000000000aa" A}, b: {address: "0x00000000000000000000000000000000000000bb" B}}}}
abi: event Sold(uint256 indexed id)
streams:
  buy: [{event: Sold, contract: a, becomes: &sold {kind: bought, order: id}}, {event: Sold, contract: b, becomes: *sold}]
`
	for starts, want := range map[[3]string]int64{
		{"", "", ""}:                              -1,
		{"start: 0,", "", ""}:                     0,
		{"start: 7,", ", start: 0", ""}:           0,
		{"start: 7,", "", ", start: 0"}:           0,
		{"start: 0,", ", start: 9", ""}:           0,
		{"start: 7,", ", start: 9", ""}:           7,
		{"", ", start: 9", ", start: 8"}:          8,
		{"", ", start: 9", ""}:                    -1,
		{"start: 0,", ", start: 9", ", start: 8"}: 8,
	} {
		d := parsed(t, strings.NewReplacer("START", starts[0], " A}", starts[1]+"}", " B}", starts[2]+"}").Replace(text))
		if got := on(t, d, definition.Site{ChainID: 1}).Streams[0].Start; got != want {
			t.Errorf("%q: the stream starts at %d, want %d", starts, got, want)
		}
	}
}
