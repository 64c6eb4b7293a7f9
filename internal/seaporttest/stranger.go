package seaporttest

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

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
