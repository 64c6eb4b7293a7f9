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
	"github.com/imart/event-worker/markets/definition"
)

// version11 is Seaport 1.1, the one version without OrdersMatched.
var version11 = common.HexToAddress("0x00000000006c3852cbEf3e08E8dF289169EdE581")

// Decoders are the decoders of Seaport's streams, by the names that market definitions
// have for them.
func Decoders() map[string]definition.Decoder {
	return map[string]definition.Decoder{
		"seaport/list":        decoding(func(d *decoder) decode { return d.each(d.listed) }, validatedTopic, announcedTopic),
		"seaport/buy":         decoding(func(d *decoder) decode { return d.bought }, fulfilledTopic, matchedTopic),
		"seaport/delist":      decoding(func(d *decoder) decode { return d.each(d.cancelled) }, cancelledTopic),
		"seaport/bulk-cancel": decoding(func(d *decoder) decode { return d.each(d.cancelledInBulk) }, counterTopic),
	}
}

// decode decodes a transaction's logs.
type decode = func([]markets.Raw) ([]markets.Event, []markets.Failure)

func decoding(of func(*decoder) decode, topics ...common.Hash) definition.Decoder {
	d := definition.Decoder{Decode: func(contracts []string, coin markets.Currency) decode {
		return of(newDecoder(contracts, coin))
	}}
	for _, t := range topics {
		d.Topics = append(d.Topics, t.Hex())
	}
	return d
}
