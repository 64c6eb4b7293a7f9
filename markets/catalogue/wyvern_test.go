package catalogue_test

import (
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

var exchange = common.HexToAddress("0x7f268357A8c2552623316e2562D90e642bB538E5")

// matched is what Wyvern logs of a sale; an order whose hash is 0 has none.
func matched(t *testing.T, buy, sell byte, maker, taker common.Address, price int) markets.Raw {
	hash := func(b byte) (h [32]byte) { h[0] = b; return }
	return markettest.Log(t, exchange, ordersMatched, hash(buy), hash(sell), maker, taker, price, none)
}

// A router takes WETH from who sends the transaction, unwraps it and pays in ETH.
func TestWyvernThroughARouter(t *testing.T) {
	text, err := os.ReadFile("testdata/receipts/wyvern-weth-router.json")
	if err != nil {
		t.Fatal(err)
	}
	txs, err := transactions.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	events := decode(t, markettest.Mainnet(t, "wyvern"), txs[0].Raws)
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Kind != markets.Bought || e.Currency.Symbol != "ETH" || e.Price != "145000000000000000" || e.Token.ID != "4063" ||
		e.Maker != "0xdf1fa21aaD71C50E642FcA3Aa4332da17BbEA409" || e.Taker != "0x83C8F28c26bF6aaca652Df1DbBE0e1b56F8baBa2" {
		t.Errorf("%+v", e)
	}
}

// What a sale was paid in and who sold what, where its transaction moves other tokens too.
func TestWyvernTransfers(t *testing.T) {
	user, router, other := common.HexToAddress("0xa1"), common.HexToAddress("0xa2"), common.HexToAddress("0xa3")
	old := common.HexToAddress("0x01d") // its Transfer has the addresses in topics and the id in the data
	coin := common.Address{}
	log := func(contract common.Address, declaration string, values ...any) markets.Raw {
		return markettest.Log(t, contract, declaration, values...)
	}
	for name, c := range map[string]struct {
		logs                    []markets.Raw
		kind                    markets.Kind
		currency, maker, taker  string
		collection, id, another string // of the token, and of the bundle's second item
	}{
		"WETH that the buyer pays the seller": {
			[]markets.Raw{log(weth, transfer20, buyer, seller, 200), log(nft, transfer721, seller, buyer, 1), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "WETH", seller.Hex(), buyer.Hex(), nft.Hex(), "1", ""},
		"WETH that a router gets from the user": {
			[]markets.Raw{log(weth, transfer20, user, router, 200), log(nft, transfer721, seller, router, 1), matched(t, 0, 1, seller, router, 200)},
			markets.Bought, "ETH", seller.Hex(), router.Hex(), nft.Hex(), "1", ""},
		"WETH that the buyer wraps": {
			[]markets.Raw{log(weth, transfer20, coin, buyer, 200), log(nft, transfer721, seller, buyer, 1), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), nft.Hex(), "1", ""},
		"an old token for ETH": {
			[]markets.Raw{log(old, transfer20, seller, buyer, 77), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), "", "", ""},
		"an old token whose id is the price": {
			[]markets.Raw{log(old, transfer20, seller, buyer, 200), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), "", "", ""},
		"an old token for WETH": {
			[]markets.Raw{log(weth, transfer20, buyer, seller, 200), log(old, transfer20, seller, buyer, 77), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "WETH", seller.Hex(), buyer.Hex(), "", "", ""},
		"an offer of WETH for an old token": {
			[]markets.Raw{log(weth, transfer20, buyer, seller, 200), log(old, transfer20, seller, buyer, 77), matched(t, 1, 0, buyer, seller, 200)},
			markets.OfferAccepted, "WETH", buyer.Hex(), seller.Hex(), "", "", ""},
		"a token that takes a fee": {
			[]markets.Raw{log(gallery, transfer20, buyer, seller, 190), log(gallery, transfer20, buyer, coin, 10), log(nft, transfer721, seller, buyer, 1), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "", seller.Hex(), buyer.Hex(), nft.Hex(), "1", ""},
		"a router that hands on what it bought elsewhere": {
			[]markets.Raw{log(nft, transfer721, other, router, 8), log(nft, transfer721, router, user, 8), log(nft, transfer721, seller, router, 1), matched(t, 0, 1, seller, router, 200)},
			markets.Bought, "ETH", seller.Hex(), router.Hex(), nft.Hex(), "1", ""},
		"a token that the sale mints": {
			[]markets.Raw{log(nft, transfer1155, exchange, coin, buyer, 1, 1), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), nft.Hex(), "1", ""},
		"a token that a router mints before": {
			[]markets.Raw{log(nft, transfer721, coin, router, 9), log(nft, transfer721, seller, router, 1), matched(t, 0, 1, seller, router, 200)},
			markets.Bought, "ETH", seller.Hex(), router.Hex(), nft.Hex(), "1", ""},
		"a token that somebody else gets": {
			[]markets.Raw{log(nft, transfer721, seller, user, 1), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), nft.Hex(), "1", ""},
		"two tokens": {
			[]markets.Raw{log(nft, transfer721, seller, buyer, 1), log(nft, transfer721, seller, buyer, 2), matched(t, 0, 1, seller, buyer, 200)},
			markets.Bought, "ETH", seller.Hex(), buyer.Hex(), nft.Hex(), "1", "2"},
	} {
		events := decode(t, markettest.Mainnet(t, "wyvern"), markettest.Transaction(1, c.logs...))
		if len(events) != 1 {
			t.Errorf("%s: %d events", name, len(events))
			continue
		}
		e := events[0]
		if e.Kind != c.kind || e.Currency.Symbol != c.currency || e.Currency.Address == "" != (c.currency == "") || e.Price != "200" || e.Maker != c.maker || e.Taker != c.taker || e.Token.Collection != c.collection || e.Token.ID != c.id {
			t.Errorf("%s: %+v", name, e)
		}
		if (len(e.Bundle) == 2) != (c.another != "") || c.another != "" && e.Bundle[1].ID != c.another {
			t.Errorf("%s: the bundle is %+v", name, e.Bundle)
		}
	}
}

// The sender's own order has no hash: if both are the sender's there is no order to key.
func TestWyvernOfOneParty(t *testing.T) {
	if events := decode(t, markettest.Mainnet(t, "wyvern"), markettest.Transaction(1, matched(t, 0, 0, buyer, buyer, 5))); len(events) != 0 {
		t.Errorf("%+v", events)
	}
}
