package seaport

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

var errNoToken = errors.New("neither the offer nor the consideration has a token")

// Listing is the event, without a position, that an order with the parameters and the hash
// makes on a contract: what OrderValidated becomes. An error names the field that is
// invalid. Known are currencies of the chain, its own coin among them.
func Listing(contract string, p markets.Parameters, hash common.Hash, known []markets.Currency) (markets.Event, error) {
	parsed, err := parse(p)
	if err != nil {
		return markets.Event{}, err
	}
	if !common.IsHexAddress(contract) {
		return markets.Event{}, fmt.Errorf("contract: %w", errAddress)
	}
	parsed.order.hash = hash
	e := markets.Event{Contract: common.HexToAddress(contract).Hex()}
	newDecoder(nil, known).list(&e, &parsed)
	if e.Kind == "" {
		return markets.Event{}, errNoToken
	}
	return e, nil
}

// list makes the event the listing of an order; without a kind if the order trades no token.
// Amounts that change are those at the order's start.
func (d *decoder) list(e *markets.Event, p *parameters) {
	switch p.side() {
	case markets.Ask:
		e.Kind = markets.Listed
	case markets.Bid:
		e.Kind = markets.OfferMade
	default:
		return
	}
	d.describe(e, &p.order)
	e.Fixed = true
	e.StartsAt, e.ExpiresAt = start(p.start), expiry(p.end)
	e.ReservedFor = d.names.known(p.reservedFor())
	if p.kind.restricted() {
		e.Zone = d.names.of(p.zone)
	}
	e.Conduit = nonzero(p.conduit)
	e.Criteria = nonzero(p.criteria())
	e.Fees = d.fees(p.consideration, p.payment(), p.offerer)
	e.Parameters = d.public(p)
}

// reservedFor is the buyer of a private listing, which asks for its own token on the buyer's
// behalf; zero if there is none, or several.
func (o *order) reservedFor() (buyer common.Address) {
	own := map[asset]bool{}
	addAll(own, o.offers())
	for _, it := range tokens(o.consideration) {
		switch {
		case !own[it.asset()] || it.recipient == o.offerer || it.recipient == buyer:
		case buyer == (common.Address{}):
			buyer = it.recipient
		default:
			return common.Address{}
		}
	}
	return buyer
}

// criteria is the root of the set of tokens that the order is for: of the first item that has
// one, so that it never looks like an order for the whole collection.
func (o *order) criteria() common.Hash {
	for _, it := range tokens(o.trades()) {
		if root := it.criteria(); root != (common.Hash{}) {
			return root
		}
	}
	return common.Hash{}
}

// nonzero is a hash in hex; empty if it is zero.
func nonzero(h common.Hash) string {
	if h == (common.Hash{}) {
		return ""
	}
	return h.Hex()
}

// maxTime is the last second of the year 9999, in seconds since 1970.
const maxTime = 253402300799

// start is when an order starts; nil if it always could be filled. What starts later than
// maxTime never does: it starts then.
func start(seconds uint256.Int) *time.Time {
	if seconds.IsZero() {
		return nil
	}
	if t := expiry(seconds); t != nil {
		return t
	}
	return new(time.Unix(maxTime, 0).UTC())
}

// expiry is when an order ends; nil if that is later than maxTime: it never does.
func expiry(seconds uint256.Int) *time.Time {
	if !seconds.IsUint64() || seconds.Uint64() > maxTime {
		return nil
	}
	return new(time.Unix(int64(seconds.Uint64()), 0).UTC())
}
