package seaport

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// fill is one OrderFulfilled: an order filled in whole or in part, with the
// amounts of this fill. Its criteria are resolved to tokens.
type fill struct {
	order
	raw *markets.Raw
	// recipient receives what is offered. In a match it is the caller, or whom the caller
	// named, and receives only what no other order of the match asks for; in version 1.1
	// it is then zero.
	recipient common.Address
	match     *match // that the fill is part of, if any
}

// bought decodes a transaction's OrderFulfilled, and the OrdersMatched that say which of
// them belong together. The fill of an order that trades a token becomes one event, and a
// token that changes hands is one sale.
func (d *decoder) bought(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
	var m matcher
	for i := range transaction {
		if err := d.addTo(&m, &transaction[i]); err != nil {
			failures = append(failures, markets.Failure{Raw: transaction[i], Reason: err})
		}
	}
	for _, f := range m.matchedFills() {
		if e := d.filled(f); e.Kind != "" {
			events = append(events, e)
		}
	}
	return events, failures
}

// addTo adds a log to a transaction's fills and matches.
func (d *decoder) addTo(m *matcher, raw *markets.Raw) error {
	if len(raw.Topics) > 0 && raw.Topics[0] == matchedTopic {
		hashes, err := d.matched(raw)
		m.addMatch(raw.Address, hashes)
		return err
	}
	f, err := d.fulfilled(raw)
	if err == nil {
		m.addFill(f)
	}
	return err
}

// fulfilled decodes OrderFulfilled.
func (d *decoder) fulfilled(raw *markets.Raw) (*fill, error) {
	if _, err := d.newEvent(raw, fulfilledTopic, 3); err != nil {
		return nil, err
	}
	data := abiData{data: raw.Data}
	f := &fill{
		raw:       raw,
		recipient: data.address(1),
		order: order{
			hash:          data.hash(0),
			offerer:       addressOf(raw.Topics[1][:]),
			offer:         data.items(2, false, false),
			consideration: data.items(3, false, true),
		},
	}
	return f, data.err
}

// matched decodes OrdersMatched: the hashes of its orders, joined.
func (d *decoder) matched(raw *markets.Raw) ([]byte, error) {
	if _, err := d.newEvent(raw, matchedTopic, 1); err != nil {
		return nil, err
	}
	data := abiData{data: raw.Data}
	return data.array(0, 1), data.err
}

// filled is the event of a fill; without a kind if the fill trades no token.
func (d *decoder) filled(f *fill) markets.Event {
	e := markets.Event{Position: f.raw.Position, Contract: d.contracts[f.raw.Address]}
	d.describe(&e, &f.order)
	e.Partial = f.divisible()
	switch {
	case f.match != nil:
		d.setMatched(&e, f)
	case f.side() != "":
		d.setDirect(&e, f)
	}
	switch {
	case !e.Kind.Sale():
	case f.match == nil:
		e.Fees = d.fees(f.consideration, f.payment(), f.offerer)
	default:
		e.Fees = d.fees(f.received(), f.payment(), f.match.makers()...)
	}
	return e
}

// setDirect sets the sale of a fill by a single taker. What the order offers goes to the
// recipient: the taker, or whom the taker named.
func (d *decoder) setDirect(e *markets.Event, f *fill) {
	e.Kind, e.Taker = f.sale(), d.names.known(f.recipient)
	if f.side() == markets.Ask {
		e.From, e.To = e.Maker, e.Taker
	} else {
		e.From, e.To = e.Taker, d.names.known(firstToken(f.consideration).recipient)
	}
}

// setMatched sets the sale, or half of one, of a fill in a match. A mirror order is about
// the token of another order.
func (d *decoder) setMatched(e *markets.Event, f *fill) {
	about := f.match.subject(f)
	if about == nil {
		return
	}
	if about != f {
		e.Side = markets.Bid
		d.setToken(e, about.trades())
	}
	from, to := f.match.parties(about)
	e.From, e.To, e.Taker = d.names.known(from), d.names.known(to), d.names.known(from)
	if e.Side == markets.Ask {
		e.Taker = e.To
	}
	e.Kind = markets.Matched
	if f.match.sales[f] {
		e.Kind = f.sale()
	}
	if e.Kind == markets.Bought {
		d.setPrice(e, f.match.price(f))
	}
}

// sale is the kind of the fill as a sale.
func (f *fill) sale() markets.Kind {
	if f.side() == markets.Ask {
		return markets.Bought
	}
	return markets.OfferAccepted
}

// divisible says whether the order may have other fills. The log of a fill does not say what
// the whole order was for: a fill of 1 of 3 units looks like one of 1 of 1. What it shows is
// each item's amount, and Seaport fills an order only by a fraction that leaves every amount
// an integer. So one ERC-721 token, of which there is 1, makes its order whole, whatever else
// is in it; ERC-1155 units and currencies do not.
//
// But criteria are resolved to tokens before they are logged: an order for any 3 tokens of a
// collection, filled with one of them, shows one ERC-721 token, too. That is common for bids
// (offers for collections and traits), for which nothing is assumed. An ask that lets its
// taker choose among several tokens is not known to exist; one that offers an ERC-721 token is
// taken for whole, until a second fill or the contract itself says otherwise. The mirror order
// that pays in a match has only currencies, and can have been for more.
//
// Contracts that are offerers (contract orders) make an order for each fill.
func (f *fill) divisible() bool {
	if f.isContracts() {
		return false
	}
	return f.side() != markets.Ask || !slices.ContainsFunc(f.offer, func(it item) bool { return it.isToken() && !it.divisible() })
}

// isContracts says whether the fill is of a contract order: in place of a hash it has its
// offerer's address and a number.
func (f *fill) isContracts() bool { return common.Address(f.hash[:common.AddressLength]) == f.offerer }
