package seaporttest

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

var unlimited = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))

// MintERC721 creates a token.
func (w *World) MintERC721(to common.Address, id int64) error {
	w.t.Helper()
	return w.send(to, w.ERC721, w.pack(w.erc721, "mint", to, big.NewInt(id)), nil)
}

// MintERC1155 creates units of a token.
func (w *World) MintERC1155(to common.Address, id, units int64) error {
	w.t.Helper()
	return w.send(to, w.ERC1155, w.pack(w.erc1155, "mint", to, big.NewInt(id), big.NewInt(units)), nil)
}

// MintERC20 creates money.
func (w *World) MintERC20(to common.Address, amount *big.Int) error {
	w.t.Helper()
	return w.send(to, w.ERC20, w.pack(w.erc20, "mint", to, amount), nil)
}

// TransferERC721 moves a token.
func (w *World) TransferERC721(from, to common.Address, id int64) error {
	w.t.Helper()
	return w.send(from, w.ERC721, w.pack(w.erc721, "transferFrom", from, to, big.NewInt(id)), nil)
}

// TransferERC1155 moves units of a token.
func (w *World) TransferERC1155(from, to common.Address, id, units int64) error {
	w.t.Helper()
	return w.send(from, w.ERC1155, w.pack(w.erc1155, "safeTransferFrom", from, to, big.NewInt(id), big.NewInt(units), []byte{}), nil)
}

// Transfer moves an amount of WETH or of the ERC-20.
func (w *World) Transfer(token, from, to common.Address, amount *big.Int) error {
	w.t.Helper()
	return w.send(from, token, w.pack(w.erc20, "transfer", to, amount), nil)
}

// Deposit wraps native coins as WETH.
func (w *World) Deposit(account common.Address, amount *big.Int) error {
	w.t.Helper()
	return w.send(account, w.WETH, w.pack(w.weth, "deposit"), amount)
}

// Withdraw unwraps WETH.
func (w *World) Withdraw(account common.Address, amount *big.Int) error {
	w.t.Helper()
	return w.send(account, w.WETH, w.pack(w.weth, "withdraw", amount), nil)
}

// Approve allows an operator to move an amount of an account's WETH or ERC-20.
func (w *World) Approve(account, token, operator common.Address, amount *big.Int) error {
	w.t.Helper()
	return w.send(account, token, w.pack(w.erc20, "approve", operator, amount), nil)
}

// SetApprovalForAll allows or forbids an operator to move all tokens that an account has in
// the ERC-721 or ERC-1155 contract.
func (w *World) SetApprovalForAll(account, token, operator common.Address, approved bool) error {
	w.t.Helper()
	return w.send(account, token, w.pack(w.erc721, "setApprovalForAll", operator, approved), nil)
}

// ApproveERC721 allows an operator to move one token; the zero address forbids it.
func (w *World) ApproveERC721(account, operator common.Address, id int64) error {
	w.t.Helper()
	return w.send(account, w.ERC721, w.pack(w.erc721, "approve", operator, big.NewInt(id)), nil)
}

// OwnerOf returns who owns an ERC-721 token now.
func (w *World) OwnerOf(id int64) common.Address {
	w.t.Helper()
	return w.read(w.erc721, w.ERC721, "latest", "ownerOf", big.NewInt(id))[0].(common.Address)
}

// owners returns who owns the ERC-721 tokens now, by identifier.
func (w *World) owners() map[int64]common.Address {
	w.t.Helper()
	calls := make([]rpc.BatchElem, w.tokens())
	for i := range calls {
		input := hexutil.Bytes(w.pack(w.erc721, "ownerOf", big.NewInt(int64(i+1))))
		calls[i] = rpc.BatchElem{
			Method: "eth_call", Args: []any{map[string]any{"to": w.ERC721, "input": input}, "latest"}, Result: new(common.Hash),
		}
	}
	w.must(w.rpc.BatchCallContext(context.Background(), calls))
	owners := map[int64]common.Address{}
	for i, call := range calls {
		w.must(call.Error)
		owners[int64(i+1)] = common.BytesToAddress(call.Result.(*common.Hash)[:])
	}
	return owners
}

// Units returns how many units of an ERC-1155 token an account has now.
func (w *World) Units(account common.Address, id int64) int64 {
	w.t.Helper()
	return w.read(w.erc1155, w.ERC1155, "latest", "balanceOf", account, big.NewInt(id))[0].(*big.Int).Int64()
}

// Balance returns how much WETH or ERC-20 an account has now.
func (w *World) Balance(token, account common.Address) *big.Int {
	w.t.Helper()
	return w.read(w.erc20, token, "latest", "balanceOf", account)[0].(*big.Int)
}

// Allowance returns how much of an account's WETH or ERC-20 an operator may move now.
func (w *World) Allowance(token, account, operator common.Address) *big.Int {
	w.t.Helper()
	return w.read(w.erc20, token, "latest", "allowance", account, operator)[0].(*big.Int)
}

// Approved says whether an operator may move all tokens that an account has in the
// ERC-721 or ERC-1155 contract now.
func (w *World) Approved(account, token, operator common.Address) bool {
	w.t.Helper()
	return w.read(w.erc721, token, "latest", "isApprovedForAll", account, operator)[0].(bool)
}
