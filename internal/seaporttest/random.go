package seaporttest

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// action is something that Random does. Its error matches ErrRefused if it came to nothing.
type action struct {
	weight int
	name   string
	do     func(w *World) (string, error)
}

// undo takes back a transfer or a revocation.
type undo struct {
	name string
	do   func() error
}

// actions are what Random chooses from. For a third of the blocks it chooses several of
// those that can share one.
var (
	shared = []action{
		{24, "create", (*World).createAny},
		{8, "validate", (*World).validateAny},
		{26, "fulfill", (*World).fulfillAny},
		{3, "fulfill available", (*World).fulfillSome},
		{6, "cancel", (*World).cancelAny},
		{2, "cancel elsewhere", (*World).cancelElsewhere},
		{1, "bulk cancel", (*World).bulkCancelAny},
		{8, "take away", (*World).takeAway},
		{8, "revoke", (*World).revoke},
		{16, "give back", (*World).giveBack},
	}
	alone = []action{
		{4, "mine", (*World).mineSome},
		{2, "advance", (*World).advanceSome},
		{6, "reorganise", (*World).reorganiseAny},
	}
)

// Random performs n random actions: orders of all kinds are signed, validated, filled in
// part and in whole, and cancelled; tokens, money and approvals go and come back; blocks are
// reorganised, with and without their transactions. Each is a line of History. The same
// numbers lead to the same actions.
func (w *World) Random(rng *rand.Rand, n int) {
	w.t.Helper()
	w.rng = rng
	for done := 0; done < n; {
		if rng.IntN(3) > 0 {
			w.perform(pick(rng, append(shared[:len(shared):len(shared)], alone...)))
			done++
			continue
		}
		together := min(2+rng.IntN(3), n-done)
		_ = w.Block(func() { // of which some may fail: they are one another's hindrance
			for range together {
				w.perform(pick(rng, shared))
			}
		})
		done += together
	}
}

func pick(rng *rand.Rand, actions []action) action {
	sum := 0
	for _, a := range actions {
		sum += a.weight
	}
	n := rng.IntN(sum)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	panic("unreachable")
}

func (w *World) perform(a action) {
	w.t.Helper()
	detail, err := a.do(w)
	line := fmt.Sprintf("block %d: %s %s", w.Head().Number, a.name, detail)
	if err != nil {
		line += ": " + err.Error()
	}
	w.History = append(w.History, line)
}

func oneOf[T any](w *World, all []T) T { return all[w.rng.IntN(len(all))] }

func (w *World) chance(percent int) bool { return w.rng.IntN(100) < percent }

// name returns what History calls an order.
func (o *Order) name() string { return fmt.Sprintf("%s %s…", o.Kind, o.Hash.Hex()[:10]) }

func (w *World) createAny() (string, error) {
	w.t.Helper()
	maker, kind := oneOf(w, w.Makers), oneOf(w, Kinds)
	for maker == w.Wallet && !forWallets(kind) {
		kind = oneOf(w, Kinds)
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
	if len(w.Orders) == 0 {
		return nil
	}
	if last := 12; len(w.Orders) > last && w.chance(60) {
		return oneOf(w, w.Orders[len(w.Orders)-last:])
	}
	return oneOf(w, w.Orders)
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
		fills = append(fills, fill)
		names += o.name() + " "
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
	if taker == w.Vault || taker == w.Wallet {
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

// takeAway moves a token or money of a maker to the vault.
func (w *World) takeAway() (string, error) {
	w.t.Helper()
	maker := oneOf(w, w.Makers)
	switch w.rng.IntN(4) {
	case 0, 1:
		id := w.ownedBy(maker)
		w.later("token", func() error { return w.TransferERC721(w.Vault, maker, id) })
		return fmt.Sprintf("token %d of %s", id, maker), w.TransferERC721(maker, w.Vault, id)
	case 2:
		id := 1 + w.rng.Int64N(kinds1155)
		units := w.Units(maker, id)
		if units == 0 {
			return "nothing", nil
		}
		w.later("units", func() error { return w.TransferERC1155(w.Vault, maker, id, units) })
		return fmt.Sprintf("%d of token %d of %s", units, id, maker), w.TransferERC1155(maker, w.Vault, id, units)
	}
	amount := w.Balance(w.WETH, maker)
	if maker == w.Wallet || w.chance(50) {
		w.later("WETH", func() error { return w.Transfer(w.WETH, w.Vault, maker, amount) })
		return "WETH of " + maker.Hex(), w.Transfer(w.WETH, maker, w.Vault, amount)
	}
	w.later("WETH", func() error { return w.Deposit(maker, amount) })
	return "WETH of " + maker.Hex() + " by withdrawal", w.Withdraw(maker, amount)
}

// revoke takes an approval of a maker away.
func (w *World) revoke() (string, error) {
	w.t.Helper()
	maker, operator := oneOf(w, w.Makers), oneOf(w, w.Operators())
	if w.chance(40) {
		left := new(big.Int) // or a little
		if w.chance(30) {
			left = big.NewInt(3e17)
		}
		w.later("allowance", func() error { return w.Approve(maker, w.WETH, operator, unlimited) })
		return fmt.Sprintf("WETH of %s but %s", maker, left), w.Approve(maker, w.WETH, operator, left)
	}
	token := oneOf(w, []common.Address{w.ERC721, w.ERC1155})
	if token == w.ERC721 && w.chance(30) { // the operator keeps one
		id := w.ownedBy(maker)
		w.History = append(w.History, fmt.Sprintf("approve token %d of %s", id, maker))
		_ = w.ApproveERC721(maker, operator, id)
	}
	w.later("approval", func() error { return w.SetApprovalForAll(maker, token, operator, true) })
	return fmt.Sprintf("%s of %s", token, maker), w.SetApprovalForAll(maker, token, operator, false)
}

func (w *World) later(name string, do func() error) { w.undo = append(w.undo, undo{name, do}) }

// giveBack undoes something that takeAway or revoke did.
func (w *World) giveBack() (string, error) {
	w.t.Helper()
	if len(w.undo) == 0 {
		return "nothing", nil
	}
	i := w.rng.IntN(len(w.undo))
	u := w.undo[i]
	w.undo = append(w.undo[:i], w.undo[i+1:]...)
	return u.name, u.do()
}

func (w *World) mineSome() (string, error) {
	w.t.Helper()
	n := 1 + w.rng.IntN(5)
	w.Mine(n)
	return fmt.Sprint(n), nil
}

func (w *World) advanceSome() (string, error) {
	w.t.Helper()
	d := time.Duration(1+w.rng.IntN(20)) * time.Minute
	w.Advance(d)
	return d.String(), nil
}

// reorganiseAny replaces some of the blocks that Random has made. Half of the time some of their
// transactions come again.
func (w *World) reorganiseAny() (string, error) {
	w.t.Helper()
	depth := min(1+w.rng.IntN(8), int(w.Head().Number)-w.first)
	if depth < 1 {
		return "nothing", nil
	}
	var keep func(int) bool
	if w.chance(50) {
		keep = func(int) bool { return w.chance(60) }
	}
	w.Reorganise(depth, keep)
	return fmt.Sprint(depth), nil
}

// ownedBy returns an ERC-721 token that an account has, or any if it has none.
func (w *World) ownedBy(account common.Address) int64 {
	w.t.Helper()
	owners := w.owners()
	id := int64(0)
	for range 300 {
		id = 1 + w.rng.Int64N(w.tokens())
		if owners[id] == account {
			break
		}
	}
	return id
}
