package markets

import "slices"

// Cancellation by nonce. Many contracts keep, of each maker, the nonces that were used or
// cancelled, or the smallest that is valid; every order has one. A nonce does not become valid
// again. So a cancellation by nonce (Event.Nonce, Event.Below) differs from that of all of a
// maker's orders, which are those that the maker has made by then:
//
//	block        1         2                  3                4
//	cancelled    –         nonce 5            –                all
//	listed       a (5)     –                  b (5), c (6)     –           d (6)
//	             LISTING   a is CANCELED      b is CANCELED    c CANCELED  LISTING
//
// An order whose nonce was cancelled is cancelled as soon as both are known, whichever comes
// first: one that is listed later is dead on arrival, and so is one that turns out by a later
// event to have the nonce. What is filled whole is sold all the same: the fill is on the chain.
// An order whose nonce is not known is never cancelled by nonce.

// byNonce says whether an event cancels orders by their nonces.
func (e *Event) byNonce() bool {
	return e.Kind == OrdersCancelled && (e.Nonce.Known() || e.Below.Known())
}

// unreached says why a bulk cancel does not cancel the order: its maker, contract, side or
// nonce differs; empty if it does. A contract or side that is not known is no restriction.
func (o *Order) unreached(e *Event) Ignored {
	switch {
	case e.Maker != o.Maker:
		return OtherMaker
	case e.Contract != "" && o.Contract != "" && e.Contract != o.Contract:
		return OtherContract
	case e.Side != "" && o.Side != "" && e.Side != o.Side:
		return OtherSide
	case !o.namedBy(e):
		return OtherNonce
	}
	return ""
}

// namedBy says whether the order's nonce is among those that a bulk cancel cancels.
func (o *Order) namedBy(e *Event) bool {
	switch {
	case e.Nonce.Known():
		return o.Nonce == e.Nonce
	case e.Below.Known():
		return o.Nonce.Known() && o.Nonce.Cmp(e.Below) < 0
	}
	return true
}

// cancelUsed cancels an order that can still be filled if its nonce was cancelled before:
// the earlier bulk cancels, by position. It returns the one that cancels it; nil if none
// does.
func (o *Order) cancelUsed(before []Event) (by *Event) {
	for i := range before {
		if e := &before[i]; e.byNonce() && o.Status.Alive() && o.unreached(e) == "" {
			o.cancelInBulk(*e)
			o.derive()
			by = e
		}
	}
	return by
}

// CancelKeys returns the log's keys of the bulk cancels that can concern an order with
// these events.
func CancelKeys(events []Event) []string { return cancelKeys(Order{}, events) }

// cancelKeys are the log's keys of the bulk cancels that can concern an order: by the makers
// and nonces that it has, or its events have. One key can be listed again by another maker.
func cancelKeys(o Order, events []Event) []string {
	makers, nonces := distinct(o.Maker), distinct(o.Nonce)
	for i := range events {
		makers, nonces = distinct(events[i].Maker, makers...), distinct(events[i].Nonce, nonces...)
	}
	var keys []string
	for _, maker := range makers {
		keys = append(keys, MakerKey(maker))
		for _, nonce := range nonces {
			keys = append(keys, NonceKey(maker, nonce))
		}
	}
	return keys
}

// distinct is a set with an element, unless it is empty.
func distinct[T ~string](element T, set ...T) []T {
	if element == "" || slices.Contains(set, element) {
		return set
	}
	return append(set, element)
}
