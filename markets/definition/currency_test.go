package definition_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// The coin of Aptos is known in both of its forms, and a definition's currencies in every
// spelling of the node and of fields of type address; others are left to the chain.
func TestCurrenciesOfAptos(t *testing.T) {
	d := parsed(t, `market: shop
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x5"}
currencies:
  usdt: {address: "0x357b", symbol: USDt, decimals: 6}
types: |
  struct shop::Sold { id: u64, price: u64, asset: address, coin: 0x1::string::String }
streams:
  buy:
    - event: shop::Sold
      becomes: {kind: bought, order: '"ask-" + id', price: price, currency: 'coin == "" ? asset : coin'}
`)
	s := on(t, d, definition.Site{ChainID: 1}).Streams[0]
	apt, usdt := markets.Currency{Symbol: "APT", Decimals: 8}, markets.Currency{Address: "0x357b", Symbol: "USDt", Decimals: 6}
	for _, c := range []struct {
		asset, coin string
		want        markets.Currency
	}{
		{"0xa", "", markets.Currency{Address: long("a"), Symbol: apt.Symbol, Decimals: apt.Decimals}},
		{long("a"), "", markets.Currency{Address: long("a"), Symbol: apt.Symbol, Decimals: apt.Decimals}},
		{"0x0", "0xa", markets.Currency{Address: "0xa", Symbol: apt.Symbol, Decimals: apt.Decimals}},
		{"0x0", "0x1::aptos_coin::AptosCoin", markets.Currency{Address: "0x1::aptos_coin::AptosCoin", Symbol: apt.Symbol, Decimals: apt.Decimals}},
		{"0x0", long("1") + "::aptos_coin::AptosCoin", markets.Currency{Address: long("1") + "::aptos_coin::AptosCoin", Symbol: apt.Symbol, Decimals: apt.Decimals}},
		{"0x357b", "", usdt},
		{"0x0", "0x357b", usdt},
		{"0xb", "", markets.Currency{Address: long("b")}},
		{"0x0", "0x2::aptos_coin::AptosCoin", markets.Currency{Address: "0x2::aptos_coin::AptosCoin"}},
	} {
		events, failures := s.DecodeAll([]markets.Raw{{
			Type: long("5") + "::shop::Sold", JSON: json.RawMessage(fmt.Sprintf(`{"id": "7", "price": "150", "asset": %q, "coin": %q}`, c.asset, c.coin)),
		}})
		if len(failures) > 0 || len(events) != 1 || events[0].Currency != c.want {
			t.Errorf("%+v: %+v, %v", c, events, failures)
		}
	}
}
