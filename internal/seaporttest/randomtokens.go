package seaporttest

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// moveAway moves a token or money of a maker to the vault.
func (w *World) moveAway() (string, error) {
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

// revoke revokes an approval of a maker.
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

// restore undoes something that moveAway or revoke did.
func (w *World) restore() (string, error) {
	w.t.Helper()
	if len(w.undo) == 0 {
		return "nothing", nil
	}
	i := w.rng.IntN(len(w.undo))
	u := w.undo[i]
	w.undo = append(w.undo[:i], w.undo[i+1:]...)
	return u.name, u.do()
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
