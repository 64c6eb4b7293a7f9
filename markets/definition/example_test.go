package definition_test

import (
	"encoding/json"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// A definition of a market on Aptos decodes one of its events.
func Example() {
	d, err := definition.Parse(definition.Source{File: "shop.yaml", Text: []byte(`
market: shop
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x5", start: 1000}
types: |
  struct shop::Sold { listing_id: u64, buyer: address, quantity: u64, price: u64 }
streams:
  buy:
    event: shop::Sold
    becomes:
      kind: bought
      order: '"ask-" + listing_id'
      taker: buyer
      quantity: quantity
      price: price * quantity
      currency: '"0x1::aptos_coin::AptosCoin"'
`)})
	if err != nil {
		panic(err)
	}
	market, err := d.On(definition.Site{ChainID: 1})
	if err != nil {
		panic(err)
	}
	stream := market.Streams[0]
	fmt.Println(stream.Name, stream.Source.Types, "from", stream.Start)

	events, failures := stream.DecodeAll([]markets.Raw{{
		Type: "0x0000000000000000000000000000000000000000000000000000000000000005::shop::Sold",
		JSON: json.RawMessage(`{"listing_id": "7", "buyer": "0xb0b", "quantity": "2", "price": "150"}`),
	}})
	e := events[0]
	fmt.Println(e.Kind, e.Order, e.Taker)
	fmt.Println(e.Quantity, "for", e.Price, e.Currency.Symbol)
	fmt.Println(len(failures), "failures")
	// Output:
	// buy [0x0000000000000000000000000000000000000000000000000000000000000005::shop::Sold] from 1000
	// bought ask-7 0x0000000000000000000000000000000000000000000000000000000000000b0b
	// 2 for 300 APT
	// 0 failures
}
