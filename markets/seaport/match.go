package seaport

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// match is orders that filled each other in one call. Most often there are two: a listing
// and an offer, or a private listing and its mirror, an order of the buyer that offers the
// money and asks for nothing.
//
// A token that changes hands in it is one sale. If the caller sold it, the caller accepted
// an offer, and the sale is the bid's; otherwise the listing was bought, and the sale is
// the ask's. Tokens exchanged for tokens are one sale, of the first ask. The other orders
// are filled by the match, but their fills are not sales.
type match struct {
	fills []*fill
	// Once decided:
	sales     map[*fill]bool
	sellers   map[asset]common.Address
	receivers map[asset]common.Address
}

// newMatch is the match of the fills.
func newMatch(fills []*fill) *match {
	m := &match{
		fills:     fills,
		sales:     map[*fill]bool{},
		sellers:   map[asset]common.Address{},
		receivers: map[asset]common.Address{},
	}
	for _, f := range fills {
		for _, it := range tokens(f.offer) {
			m.sellers[it.asset()] = f.offerer
		}
		for _, it := range tokens(f.consideration) {
			m.receivers[it.asset()] = it.recipient
		}
	}
	m.buyListings(m.acceptOffers())
	return m
}

// acceptOffers makes sales of the bids for which the caller sold everything, and
// returns what was sold to them.
func (m *match) acceptOffers() map[asset]bool {
	foreign := map[asset]bool{} // not offered by the caller
	for _, f := range m.fills {
		if !f.isCallers() {
			addAll(foreign, f.offers())
		}
	}
	sold := map[asset]bool{}
	for _, f := range m.fills {
		if wants := f.wants(); f.side() == markets.Bid && !anyOf(foreign, wants) {
			m.sales[f] = true
			addAll(sold, wants)
		}
	}
	return sold
}

// buyListings makes sales of the asks that are not the other half of a sale.
func (m *match) buyListings(sold map[asset]bool) {
	given, taken := map[asset]bool{}, map[asset]bool{} // by the asks that were bought
	for _, f := range m.asks() {
		offers, wants := f.offers(), f.wants()
		if anyOf(sold, offers) || anyOf(taken, offers) || anyOf(given, wants) {
			continue
		}
		m.sales[f] = true
		addAll(given, offers)
		addAll(taken, wants)
	}
}

// asks are the match's asks, the caller's own last.
func (m *match) asks() []*fill {
	var others, own []*fill
	for _, f := range m.fills {
		switch {
		case f.side() != markets.Ask:
		case f.isCallers():
			own = append(own, f)
		default:
			others = append(others, f)
		}
	}
	return append(others, own...)
}

// isCallers says whether the caller of the match made the order; false in version 1.1,
// where the caller is not known.
func (f *fill) isCallers() bool { return f.offerer == f.recipient }

// subject is the fill whose token a fill of the match is about: itself, or for a mirror the
// first fill that has a token; nil if there is none.
func (m *match) subject(f *fill) *fill {
	if f.side() != "" {
		return f
	}
	for _, other := range m.fills {
		if other.side() != "" {
			return other
		}
	}
	return nil
}

// parties are who gave and who received the token that a fill is about. A token that no
// order asks for goes to the recipient; one that no order offers comes from there.
func (m *match) parties(f *fill) (from, to common.Address) {
	token := firstToken(f.trades()).asset()
	from, to = f.recipient, f.recipient
	if seller, ok := m.sellers[token]; ok {
		from = seller
	}
	if receiver, ok := m.receivers[token]; ok {
		to = receiver
	}
	// Units of one token can have several sellers and receivers in a match.
	if f.side() == markets.Ask {
		from = f.offerer
	}
	for _, it := range tokens(f.consideration) {
		if it.asset() == token {
			to = it.recipient
		}
	}
	return from, to
}

// price is what the buyer of an ask paid in the match: what the ask costs and, if there is
// only one other order, the fees that the other order pays.
func (m *match) price(f *fill) price {
	if len(f.wants()) > 0 {
		return nil
	}
	return total(f.received())
}

// received are the items that the order's fill paid for: those of its consideration and, in
// a match with only one other order, of the other's.
func (f *fill) received() []item {
	if f.match == nil || len(f.match.fills) != 2 {
		return f.consideration
	}
	return slices.Concat(f.match.fills[0].consideration, f.match.fills[1].consideration)
}

// makers are those of the orders that filled each other.
func (m *match) makers() (all []common.Address) {
	for _, f := range m.fills {
		all = append(all, f.offerer)
	}
	return all
}

func addAll(to map[asset]bool, all []asset) {
	for _, a := range all {
		to[a] = true
	}
}

func anyOf(set map[asset]bool, all []asset) bool {
	for _, a := range all {
		if set[a] {
			return true
		}
	}
	return false
}
