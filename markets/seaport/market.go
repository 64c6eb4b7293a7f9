// Package seaport decodes the events of Seaport, the market protocol of OpenSea
// and others, from version 1.1 to 1.6. The facts are those of the contracts
// (github.com/ProjectOpenSea/seaport).
//
// Guarantees:
//   - A log is decoded or fails; it is not trusted. Offsets, lengths and counts are bounded.
//   - A token that changes hands is one sale, however many orders the transaction fills.
//   - Prices are what the buyer pays, including fees.
//   - Nothing is assumed of what an order was for: only an ask that offers an ERC-721 token is
//     taken for filled whole by a fill. See fill.divisible.
//   - A listing has all that a buyer needs (Parameters), but the order's counter unless the
//     hash proves it.
//
// An order is keyed by its hash and its contract (Key): the hash does not depend on the
// contract. It is a listing (ask) if it offers a token, an offer (bid)
// if it asks for one in its consideration. An order without a token exchanges currencies: it
// becomes an event only if it pays for another order's token in a match.
//
// Alice lists a token for 1 ETH of which the marketplace gets 0.025, and Bob fills the order:
//
//	OrderFulfilled(hash, offerer: Alice, recipient: Bob,
//	  offer:         [ERC-721 #7]
//	  consideration: [0.975 ETH to Alice, 0.025 ETH to the marketplace])
//
// becomes bought, of the ask with that hash: token #7, from Alice to Bob, for 1 ETH. In a
// match, Carol's bid of 1 WETH and Dave's ask of the same token fill each other: two
// OrderFulfilled become one sale and one event of kind matched.
package seaport

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// version11 is Seaport 1.1, the one version without OrdersMatched.
var version11 = common.HexToAddress("0x00000000006c3852cbEf3e08E8dF289169EdE581")

// Version is of what the decoders make of logs. Raise it when they make something else of the
// same logs: what older ones made is then decoded again where people ask for it.
const Version = 1

// Decoders are the decoders of Seaport's streams, by the names that market definitions use.
func Decoders() map[string]definition.Decoder {
	return map[string]definition.Decoder{
		"seaport/list":        decoding(func(d *decoder) decode { return d.each(d.listed) }, validatedSignature, announcedSignature),
		"seaport/buy":         decoding(func(d *decoder) decode { return d.bought }, fulfilledSignature, matchedSignature),
		"seaport/delist":      decoding(func(d *decoder) decode { return d.each(d.cancelled) }, cancelledSignature),
		"seaport/bulk-cancel": decoding(func(d *decoder) decode { return d.each(d.cancelledInBulk) }, counterSignature),
	}
}

// Decodes says whether the market's orders are decoded here: whether a stream has the fills of
// Seaport, and is not decoded by a definition's own expressions.
func Decodes(m markets.Market) bool { return slices.ContainsFunc(m.Streams, DecodesStream) }

// DecodesStream says whether a stream has the fills of Seaport, decoded here.
func DecodesStream(s markets.Stream) bool {
	return !s.Separable && slices.Contains(s.Source.Topics, fulfilledTopic.Hex())
}

// decode decodes a transaction's logs.
type decode = func([]markets.Raw) ([]markets.Event, []markets.Failure)

func decoding(of func(*decoder) decode, signatures ...string) definition.Decoder {
	d := definition.Decoder{Version: Version, Events: signatures, Decode: func(contracts []string, known []markets.Currency) decode {
		return of(newDecoder(contracts, known))
	}}
	for _, s := range signatures {
		d.Topics = append(d.Topics, topic(s).Hex())
	}
	return d
}
