package seaport

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// fill is one OrderFulfilled: an order filled in whole or in part, with the
// amounts of this fill. Its criteria are resolved to tokens.
type fill struct {
	order
	raw *markets.Raw
	// recipient receives what is offered. In a match it is who called for the match,
	// or whom they named, and receives only what no other order of the match asks
	// for; in version 1.1 it is then zero.
	recipient common.Address
	match     *match // that the fill is part of, if any
}

// bought decodes the OrderFulfilled of a transaction, with the OrdersMatched that
// tell which of them belong together. The fill of an order that trades a token
// becomes one event, and a token that changes hands is one sale.
func (d *decoder) bought(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
	var m matcher
	for i := range transaction {
		if err := d.take(&transaction[i], &m); err != nil {
			failures = append(failures, markets.Failure{Raw: transaction[i], Reason: err})
		}
	}
	for _, f := range m.done() {
		if e := d.filled(f); e.Kind != "" {
			events = append(events, e)
		}
	}
	return events, failures
}

func (d *decoder) take(raw *markets.Raw, m *matcher) error {
	if len(raw.Topics) > 0 && raw.Topics[0] == matchedTopic {
		hashes, err := d.matched(raw)
		m.named(raw.Address, hashes)
		return err
	}
	f, err := d.fulfilled(raw)
	if err == nil {
		m.add(f)
	}
	return err
}

// fulfilled decodes OrderFulfilled.
func (d *decoder) fulfilled(raw *markets.Raw) (*fill, error) {
	if _, err := d.event(raw, fulfilledTopic, 3); err != nil {
		return nil, err
	}
	data := words{data: raw.Data}
	f := &fill{
		raw:       raw,
		recipient: data.address(1),
		order: order{
			hash:          data.hash(0),
			offerer:       addressOf(raw.Topics[1][:]),
			offer:         data.items(2, 4, false),
			consideration: data.items(3, 5, true),
		},
	}
	return f, data.err
}

// matched decodes OrdersMatched to the hashes of its orders, one after another.
func (d *decoder) matched(raw *markets.Raw) ([]byte, error) {
	if _, err := d.event(raw, matchedTopic, 1); err != nil {
		return nil, err
	}
	data := words{data: raw.Data}
	return data.array(0, 1), data.err
}

// filled is the event of a fill, without a kind if it is nothing of a market.
func (d *decoder) filled(f *fill) markets.Event {
	e := markets.Event{Position: f.raw.Position, Contract: d.names[f.raw.Address]}
	d.describe(&e, &f.order)
	switch {
	case f.match != nil:
		d.inMatch(&e, f)
	case f.side() != "":
		f.directly(&e)
	}
	return e
}

// directly says how a fill by a single taker went. What the order offers goes to
// the recipient, who is the taker unless they named another.
func (f *fill) directly(e *markets.Event) {
	e.Kind, e.Partial, e.Taker = f.sale(), f.divisible(), name(f.recipient)
	if f.side() == markets.Ask {
		e.From, e.To = e.Maker, e.Taker
	} else {
		e.From, e.To = e.Taker, name(firstToken(f.consideration).recipient)
	}
}

// inMatch says how a fill in a match went. A mirror is about another's token.
func (d *decoder) inMatch(e *markets.Event, f *fill) {
	about := f.match.subject(f)
	if about == nil {
		return
	}
	if about != f {
		e.Side = markets.Bid
		d.setToken(e, about.trades())
	}
	from, to := f.match.parties(about)
	e.From, e.To, e.Taker = name(from), name(to), name(from)
	if e.Side == markets.Ask {
		e.Taker = e.To
	}
	e.Kind, e.Partial = markets.Matched, about.divisible()
	if f.match.sales[f] {
		e.Kind = f.sale()
	}
	if e.Kind == markets.Bought {
		d.setPrice(e, f.match.price(f))
	}
}

// sale is what the fill is as a sale.
func (f *fill) sale() markets.Kind {
	if f.side() == markets.Ask {
		return markets.Bought
	}
	return markets.OfferAccepted
}

// divisible says whether the order may have other fills. The log of a fill does
// not tell what the whole order was for: an ERC-1155 token can be sold in parts. An
// offer for several ERC-721 tokens of a collection looks as one for a single token
// does, by far the more common, and is taken for it.
func (f *fill) divisible() bool {
	for _, it := range tokens(f.trades()) {
		if it.divisible() {
			return true
		}
	}
	return false
}

// name is an address in EIP-55, empty if it is not known.
func name(a common.Address) string {
	if a == (common.Address{}) {
		return ""
	}
	return a.Hex()
}
