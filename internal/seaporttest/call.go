package seaporttest

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
)

// Status is what Seaport says of an order hash: Filled of Size are filled, 0 of 0 before
// the first fill.
type Status struct {
	Validated, Cancelled bool
	Filled, Size         *big.Int
}

// GetOrderStatus asks Seaport as of the end of a block, which must be on the chain.
func (w *World) GetOrderStatus(order, block common.Hash) Status {
	w.t.Helper()
	got := w.read(w.seaport, w.Seaport, at(block), "getOrderStatus", order)
	return Status{got[0].(bool), got[1].(bool), got[2].(*big.Int), got[3].(*big.Int)}
}

// GetCounter asks Seaport for a maker's counter as of the end of a block.
func (w *World) GetCounter(maker common.Address, block common.Hash) *big.Int {
	w.t.Helper()
	return w.read(w.seaport, w.Seaport, at(block), "getCounter", maker)[0].(*big.Int)
}

// stranger fills orders in calls. Nothing of it is on the chain.
var stranger = common.HexToAddress("0x57A4637e57A4637e57A4637e57A4637e57A4637e")

// CanFill returns nil if a stranger can fill the smallest part of an order by a call of
// fulfillAdvancedOrder as of the end of a block, which must be on the chain, and at its
// time. Otherwise the error matches ErrRefused and names Seaport's.
//
// A refusal is never the stranger's fault: the stranger has the money and the tokens that
// the order wants (of a collection or a set, one of them), regardless of their owners on the
// chain, and has approved them for the conduit. The exception is a token that the order
// itself offers: a private listing wants its own token for its taker, and a stranger who had
// approved it would pay, and the taker would receive the token.
func (w *World) CanFill(order *Order, block common.Hash) error {
	w.t.Helper()
	units := order.Units
	if order.Partial() {
		units = 1
	}
	return w.CanFillUnits(order, units, block)
}

// CanFillUnits is CanFill for units of Order.Units, or for what remains if that is less.
// Orders that are not partial can be filled only as a whole.
func (w *World) CanFillUnits(order *Order, units int64, block common.Hash) error {
	w.t.Helper()
	// With another counter, the same parameters are another order, which may be valid.
	if counter := w.GetCounter(order.Parameters.Offerer, block); counter.Cmp(number(order.Parameters.Counter)) != 0 {
		return fmt.Errorf("%w: the maker's counter is %s", ErrRefused, counter)
	}
	advanced := order.advanced(units)
	identifier, resolvers := order.resolve()
	input := w.pack(w.seaport, "fulfillAdvancedOrder", advanced, resolvers, w.ConduitKey, common.Address{})
	call := map[string]any{
		"from": stranger, "to": w.Seaport, "input": hexutil.Bytes(input),
		"value": (*hexutil.Big)(order.native()), "gas": hexutil.Uint64(gas),
	}
	var out hexutil.Bytes
	err := w.try(&out, "eth_call", call, at(block), w.equip(order, identifier))
	if err == nil {
		return nil
	}
	var refusal rpc.DataError
	if !errors.As(err, &refusal) {
		w.t.Fatalf("eth_call: %v", err)
	}
	return fmt.Errorf("%w: %s", ErrRefused, w.reason(refusal))
}

// reason names the error of Seaport in a refusal.
func (w *World) reason(refusal rpc.DataError) string {
	data, _ := refusal.ErrorData().(string)
	revert := common.FromHex(data)
	if len(revert) >= 4 {
		if found, err := w.seaport.ErrorByID([4]byte(revert)); err == nil {
			return found.Name
		}
	}
	return refusal.Error()
}

// native returns the native coins that the order costs at most; Seaport returns the rest.
func (o *Order) native() *big.Int {
	sum := new(big.Int)
	for _, item := range o.Parameters.Consideration {
		if item.ItemType == Native {
			sum.Add(sum, number(item.StartAmount)).Add(sum, number(item.EndAmount))
		}
	}
	return sum
}

// offers says whether the order offers the very token that an item wants.
func (o *Order) offers(wanted Item) bool {
	for _, item := range o.Parameters.Offer {
		if item.Token == wanted.Token && item.IdentifierOrCriteria == wanted.IdentifierOrCriteria {
			return true
		}
	}
	return false
}

// number reads a decimal or, with 0x, hexadecimal number.
func number(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 0)
	if !ok {
		panic("not a number: " + text)
	}
	return n
}

// overrides replace parts of the state in an eth_call.
type overrides map[common.Address]override

type override struct {
	Balance   *hexutil.Big                `json:"balance,omitempty"`
	StateDiff map[common.Hash]common.Hash `json:"stateDiff,omitempty"`
}

// set writes to a contract's storage.
func (o overrides) set(contract common.Address, slot, value common.Hash) {
	if o[contract].StateDiff == nil {
		o[contract] = override{StateDiff: map[common.Hash]common.Hash{}}
	}
	o[contract].StateDiff[slot] = value
}

// The slots of the mappings in the storage of the tokens: solmate's, of which the tokens of
// seaport-js are made, and WETH9's, which are the same for money.
const (
	moneyBalances, moneyAllowances                        = 3, 4
	erc721Owners, erc721Balances, erc721OperatorApprovals = 2, 3, 5
	erc1155Balances, erc1155OperatorApprovals             = 0, 1
)

// equip returns a state in which the stranger has what an order wants, see CanFill.
func (w *World) equip(o *Order, chosen *big.Int) overrides {
	much := common.BigToHash(new(big.Int).Lsh(big.NewInt(1), 100))
	yes := common.BigToHash(big.NewInt(1))
	state := overrides{stranger: {Balance: (*hexutil.Big)(much.Big())}}
	for _, item := range o.Parameters.Consideration {
		id := number(item.IdentifierOrCriteria)
		if item.ItemType >= ERC721WithCriteria {
			id = chosen
		}
		token, key := item.Token, common.BigToHash(id)
		me, conduit := common.BytesToHash(stranger[:]), common.BytesToHash(w.Conduit[:])
		switch {
		case item.ItemType == Native:
		case item.ItemType == ERC20:
			state.set(token, slot(moneyBalances, me), much)
			state.set(token, slot(moneyAllowances, me, conduit), much)
		case o.offers(item):
		case item.ItemType == ERC721 || item.ItemType == ERC721WithCriteria:
			state.set(token, slot(erc721Owners, key), me)
			state.set(token, slot(erc721Balances, me), much)
			state.set(token, slot(erc721OperatorApprovals, me, conduit), yes)
		default:
			state.set(token, slot(erc1155Balances, me, key), much)
			state.set(token, slot(erc1155OperatorApprovals, me, conduit), yes)
		}
	}
	return state
}

// slot returns where Solidity stores the value of keys in a (nested) mapping.
func slot(mapping int64, keys ...common.Hash) common.Hash {
	at := common.BigToHash(big.NewInt(mapping))
	for _, key := range keys {
		at = crypto.Keccak256Hash(key[:], at[:])
	}
	return at
}
