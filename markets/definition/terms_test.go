package definition_test

import (
	"cmp"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const auction = `
market: auctions
kind: evm
chains: {any: {chainId: any, contracts: {house: "0x00000000000000000000000000000000000000aa"}}}
currencies: {gold: {address: "0x00000000000000000000000000000000000000bb", symbol: GLD, decimals: 2}}
abi: event Auction(uint256 indexed id, address seller, address only, address zone, bytes32 root, uint256 from, uint256 to, uint256 start, uint256 end, address[] payees, uint256[] shares, address token)
streams:
  list:
    event: Auction
    let: {fee: from / 40, half: fee / 2}
    becomes:
      kind: listed
      order: id
      maker: seller
      PRICE
      startsAt: start
      expiresAt: end
      reservedFor: only
      zone: zone
      criteria: root
      fees:
        - {receiver: seller, amount: half, currency: gold}
        - {when: fee > 10, receiver: emitter, amount: fee}
      royalties: {for: payees, receiver: item, amount: 'from * shares[index] / 10000'}
`

// listing is what the definition makes of one auction, with a price as the text says.
func listing(t *testing.T, price string, from int, payees []common.Address, shares []*big.Int) (markets.Event, error) {
	t.Helper()
	d, err := definition.Parse(definition.Source{File: "auctions.yaml", Text: []byte(strings.Replace(auction, "PRICE", price, 1))})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 7, Coin: "ETH"})
	if err != nil {
		t.Fatal(err)
	}
	log := markettest.Log(t, common.HexToAddress("0xaa"), "event Auction(uint256 indexed,address,address,address,bytes32,uint256,uint256,uint256,uint256,address[],uint256[],address)",
		1, common.HexToAddress("0x5e"), common.HexToAddress("0x0e"), common.HexToAddress("0x20"), [32]byte{9}, from, 100, 50, 60, payees, shares, common.HexToAddress("0xcc"))
	events, failures := m.Streams[0].DecodeAll([]markets.Raw{log})
	if len(failures) > 0 {
		return markets.Event{}, failures[0].Reason
	}
	return events[0], nil
}

// An order's terms from an event that has them all.
func TestTerms(t *testing.T) {
	seller, house, p, q := common.HexToAddress("0x5e").Hex(), common.HexToAddress("0xaa").Hex(), common.HexToAddress("0xd1"), common.HexToAddress("0xd2")
	eth := markets.Currency{Address: common.Address{}.Hex(), Symbol: "ETH", Decimals: 18}
	gold := markets.Currency{Address: common.HexToAddress("0xbb").Hex(), Symbol: "GLD", Decimals: 2}
	payees, shares := []common.Address{p, q, p}, []*big.Int{big.NewInt(1000), big.NewInt(0), big.NewInt(500)}
	start, end := time.Unix(50, 0).UTC(), time.Unix(60, 0).UTC()
	want := markets.Terms{
		StartsAt: &start, EndPrice: "100", ReservedFor: common.HexToAddress("0x0e").Hex(), Zone: common.HexToAddress("0x20").Hex(), Criteria: common.Hash{9}.Hex(),
		Fees:      []markets.Payment{{Receiver: seller, Money: markets.Money{Amount: "10", Currency: gold}}, {Receiver: house, Money: markets.Money{Amount: "20", Currency: eth}}},
		Royalties: []markets.Payment{{Receiver: p.Hex(), Money: markets.Money{Amount: "80", Currency: eth}}, {Receiver: p.Hex(), Money: markets.Money{Amount: "40", Currency: eth}}},
	}
	e, err := listing(t, "price: from\n      endPrice: to\n      currency: coin", 800, payees, shares)
	if err != nil || !reflect.DeepEqual(e.Terms, want) || e.Price != "800" || e.ExpiresAt == nil || !e.ExpiresAt.Equal(end) {
		t.Errorf("%+v %v\nwant %+v", e, err, want)
	}
	if order, _ := markets.FoldOrder("chain", "auctions", "1", []markets.Event{e}); !reflect.DeepEqual(order.Terms, want) {
		t.Errorf("the order has %+v", order.Terms)
	}
	if e, err = listing(t, "price: from\n      currency: coin", 80, nil, nil); err != nil || len(e.Fees) != 1 || len(e.Royalties) != 0 || e.EndPrice.Known() {
		t.Errorf("a small auction: %+v %v", e, err)
	}
}

// A price in several currencies is a sum of each; one in a single currency is a price.
func TestPrices(t *testing.T) {
	for prices, want := range map[string]string{
		"[{amount: from, currency: gold}, {amount: to, currency: coin}, {amount: 5, currency: gold}]": "  [{805 GLD} {100 ETH}]",
		"[{amount: from, currency: gold}, {when: to > 100, amount: to, currency: coin}]":              "800 GLD []",
		"{for: shares, amount: item, currency: token}":                                                "1500 0x00000000000000000000000000000000000000cc []",
		"{amount: 0 * to, currency: coin}":                                                            "  []",
	} {
		e, err := listing(t, "prices: "+prices+"\n      currency: coin", 800, []common.Address{{1}, {2}}, []*big.Int{big.NewInt(1000), big.NewInt(500)})
		name := func(c markets.Currency) string { return cmp.Or(c.Symbol, c.Address) }
		var sums []string
		for _, m := range e.Prices {
			sums = append(sums, fmt.Sprintf("{%s %s}", m.Amount, name(m.Currency)))
		}
		if got := fmt.Sprintf("%s %s %v", e.Price, name(e.Currency), sums); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", prices, got, err, want)
		}
	}
}

// Events whose payments make no sense become dead letters.
func TestBadPayments(t *testing.T) {
	many := func(n int) (payees []common.Address, shares []*big.Int) {
		for range n {
			payees, shares = append(payees, common.Address{1}), append(shares, big.NewInt(1))
		}
		return payees, shares
	}
	payees, shares := many(101)
	if _, err := listing(t, "price: from\n      currency: coin", 10000, payees, shares); err == nil || !strings.Contains(err.Error(), "royalties: more than 100 payments") {
		t.Errorf("101 royalties: %v", err)
	}
	payees, shares = many(100)
	if e, err := listing(t, "price: from\n      currency: coin", 10000, payees, shares); err != nil || len(e.Royalties) != 100 {
		t.Errorf("100 royalties: %v", err)
	}
	if _, err := listing(t, "price: from\n      currency: coin", 10000, payees, shares[:2]); err == nil || !strings.Contains(err.Error(), "royalties") {
		t.Errorf("more payees than shares: %v", err)
	}
}

// A stream keeps raw events if its market says so or one of its sources, which has the last
// word.
func TestRawIsKept(t *testing.T) {
	const shop = `
market: shop
kind: evm
chains: {any: {chainId: any, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}}
MARKET
abi: event Sold(uint256 indexed id)
streams:
  buy: {event: Sold, SOURCE becomes: {kind: bought, order: id}}
  code: {decoder: shop/code, CODE}
`
	code := definition.Decoder{Topics: []string{"0x1"}, Decode: func([]string, []markets.Currency) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
		return nil
	}}
	for options, want := range map[[3]string][2]bool{
		{"", "", ""}:          {false, false},
		{"raw: true", "", ""}: {true, true},
		{"raw: true", "raw: false,", "raw: false"}:     {false, false},
		{"raw: false", "raw: true,", "contract: shop"}: {true, false},
		{"", "", "raw: true"}:                          {false, true},
	} {
		text := strings.NewReplacer("MARKET", options[0], "SOURCE", options[1], "CODE", options[2]).Replace(shop)
		d, err := definition.Parse(definition.Source{File: "shop.yaml", Text: []byte(text), Decoders: map[string]definition.Decoder{"shop/code": code}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.On(definition.Site{ChainID: 7})
		if err != nil || m.Streams[0].KeepRaw != want[0] || m.Streams[1].KeepRaw != want[1] {
			t.Errorf("%v: %+v, want %v, %v", options, m.Streams, want, err)
		}
	}
}
