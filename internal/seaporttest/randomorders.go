package seaporttest

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

func (w *World) createAny() (string, error) {
	w.t.Helper()
	if len(w.kinds) == 0 {
		w.kinds = slices.Clone(Kinds)
		w.rng.Shuffle(len(Kinds), func(i, j int) { w.kinds[i], w.kinds[j] = w.kinds[j], w.kinds[i] })
	}
	kind := w.kinds[0]
	w.kinds = w.kinds[1:]
	maker := oneOf(w, w.Makers)
	for maker == w.Wallet && !forWallets(kind) {
		maker = oneOf(w, w.Makers)
	}
	inputs := []Input{w.Input(kind, w.terms(kind, maker))}
	if maker != w.Wallet && w.chance(15) {
		for range 1 + w.rng.IntN(3) {
			inputs = append(inputs, w.Input(kind, w.terms(kind, maker)))
		}
	}
	orders := w.CreateBulk(kind, maker, inputs...)
	names := ""
	for _, o := range orders {
		if w.chance(30) {
			o.Expand()
		}
		names += o.name() + " "
	}
	if w.chance(30) {
		return names + "and validate", w.Validate(orders...)
	}
	return names, nil
}

// forWallets says whether the smart wallet can trade so: it refuses native coins and ERC-1155.
func forWallets(kind Kind) bool {
	switch kind {
	case AskERC20, Bid, CollectionBid, TraitBid, AscendingBid:
		return true
	}
	return false
}

// terms are random, but most of what is asked for is the maker's and most of what is wanted is not.
func (w *World) terms(kind Kind, maker common.Address) Terms {
	w.t.Helper()
	terms := w.Terms(w.rng, maker)
	owners := w.owners()
	wants := kind == Bid || kind == TraitBid || kind == AscendingBid
	for range 200 {
		if (owners[terms.Token] == maker) != wants || w.chance(1) {
			break
		}
		terms.Token = 1 + w.rng.Int64N(w.tokens())
	}
	return terms
}

// recent returns an order, rather a late one.
func (w *World) recent() *Order {
	orders := slices.DeleteFunc(slices.Clone(w.Orders), func(o *Order) bool { return o.Kind == Counter })
	if len(orders) == 0 {
		return nil
	}
	if last := 12; len(orders) > last && w.chance(60) {
		return oneOf(w, orders[len(orders)-last:])
	}
	return oneOf(w, orders)
}

func (w *World) validateAny() (string, error) {
	w.t.Helper()
	o := w.recent()
	if o == nil {
		return "nothing", nil
	}
	return o.name(), w.Validate(o)
}

func (w *World) cancelAny() (string, error) {
	w.t.Helper()
	o := w.recent()
	if o == nil {
		return "nothing", nil
	}
	return o.name(), w.Cancel(o)
}

func (w *World) cancelElsewhere() (string, error) {
	w.t.Helper()
	o := w.recent()
	if o == nil {
		return "nothing", nil
	}
	return o.name(), w.CancelElsewhere(o)
}

func (w *World) bulkCancelAny() (string, error) {
	w.t.Helper()
	maker := oneOf(w, w.Makers)
	return maker.Hex(), w.BulkCancel(maker)
}

func (w *World) fulfillAny() (string, error) {
	w.t.Helper()
	o := w.recent()
	if o == nil {
		return "nothing", nil
	}
	if taker := o.taker(); taker != nil && w.chance(80) {
		return o.name(), w.Match(*taker, o)
	}
	taker, fill := w.fill(o)
	return fmt.Sprintf("%s, %d of %d", o.name(), fill.Units, o.Units), w.Fulfill(taker, fill)
}

func (w *World) fulfillSome() (string, error) {
	w.t.Helper()
	var taker common.Address
	var fills []Fill
	names := ""
	for range 2 + w.rng.IntN(3) {
		o := w.recent()
		if o == nil {
			return "nothing", nil
		}
		one, fill := w.fill(o)
		if len(fills) == 0 {
			taker = one
		}
		if o.Parameters.Offerer == taker {
			continue
		}
		fills = append(fills, fill)
		names += o.name() + " "
	}
	if len(fills) == 0 {
		return "nothing", nil
	}
	return names, w.FulfillAvailable(taker, fills...)
}

// fill chooses a taker who can fill an order, and what of it.
func (w *World) fill(o *Order) (common.Address, Fill) {
	w.t.Helper()
	taker, fill := oneOf(w, w.Takers), Fill{Order: o}
	if o.Kind == Restricted && w.chance(70) {
		taker = w.Zone
	}
	if o.Partial() && w.chance(80) {
		fill.Units = 1 + w.rng.Int64N(o.Units)
	}
	owners := w.owners()
	for _, item := range o.Parameters.Consideration {
		switch item.ItemType {
		case ERC721:
			if o.taker() == nil { // a bid
				taker = owners[number(item.IdentifierOrCriteria).Int64()]
			}
		case ERC721WithCriteria:
			if o.Partial() {
				fill.Units = 1 // an ERC-721 moves one at a time
			}
			taker, fill.Identifier = w.owner(o, owners)
		}
	}
	if taker == w.Vault || taker == w.Wallet || taker == o.Parameters.Offerer {
		taker = oneOf(w, w.Takers)
	}
	return taker, fill
}

// owner chooses a token that a bid's criteria allow, and who owns it.
func (w *World) owner(o *Order, owners map[int64]common.Address) (common.Address, string) {
	for range 100 {
		id := 1 + w.rng.Int64N(w.tokens())
		if len(o.Criteria) > 0 {
			id = number(oneOf(w, o.Criteria).Identifier).Int64()
		}
		if owner := owners[id]; owner != w.Vault && owner != w.Wallet && owner != o.Parameters.Offerer {
			return owner, fmt.Sprint(id)
		}
	}
	return oneOf(w, w.Takers), "1"
}

// taker returns the one for whom a private listing is.
func (o *Order) taker() *common.Address {
	if o.Kind != Private {
		return nil
	}
	for _, item := range o.Parameters.Consideration {
		if item.ItemType == ERC721 {
			return item.Recipient
		}
	}
	return nil
}
