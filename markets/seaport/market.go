// Package seaport decodes the events of Seaport, the market protocol of OpenSea
// and others, from version 1.1 to 1.6. The facts are those of the contracts
// (github.com/ProjectOpenSea/seaport).
//
// An order is keyed by its hash. What makes it a listing (ask) or an offer (bid)
// is which side has the token: an ask offers one, a bid asks for one in its
// consideration. An order with no token on either side exchanges one currency for
// another and is nothing of a market: it makes no events unless it pays in a match
// for another order's token.
package seaport

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// version11 is Seaport 1.1, the one version without OrdersMatched.
var version11 = common.HexToAddress("0x00000000006c3852cbEf3e08E8dF289169EdE581")

// contracts are Seaport's addresses, the same on every chain.
var contracts = []common.Address{
	version11,
	common.HexToAddress("0x00000000000006c7676171937C444f6BDe3D6282"), // 1.2
	common.HexToAddress("0x0000000000000aD24e80fd803C6ac37206a45f15"), // 1.3
	common.HexToAddress("0x00000000000001ad428e4906aE43D8F9852d0dD6"), // 1.4
	common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"), // 1.5
	common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395"), // 1.6
}

// Option changes what differs between the chains that Seaport lives on.
type Option func(*decoder)

// NativeSymbol says what the chain's own coin is called; ETH if not given.
func NativeSymbol(symbol string) Option {
	return func(d *decoder) { d.currencies[common.Address{}] = native(symbol) }
}

// Market is Seaport as a market of an EVM chain.
func Market(options ...Option) markets.Market {
	d := newDecoder()
	for _, option := range options {
		option(d)
	}
	return markets.Market{
		Name: "seaport",
		Kind: markets.EVM,
		Streams: []markets.Stream{
			{Name: "list", Observer: "order-list", Source: source(validatedTopic, announcedTopic), Decode: d.each(d.listed)},
			{Name: "buy", Observer: "order-buy", Source: source(fulfilledTopic, matchedTopic), Decode: d.bought},
			{Name: "delist", Observer: "order-delist", Source: source(cancelledTopic), Decode: d.each(d.cancelled)},
			{Name: "bulk-cancel", Observer: "order-bulk-cancel", Source: source(counterTopic), Decode: d.each(d.cancelledInBulk)},
		},
	}
}

func source(topics ...common.Hash) markets.Source {
	var s markets.Source
	for _, c := range contracts {
		s.Addresses = append(s.Addresses, c.Hex())
	}
	for _, t := range topics {
		s.Topics = append(s.Topics, t.Hex())
	}
	return s
}
