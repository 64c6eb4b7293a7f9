package devnet

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// transaction is the part of a transaction that the event worker reads.
type transaction struct {
	Hash      common.Hash    `json:"hash"`
	BlockHash common.Hash    `json:"blockHash"`
	From      common.Address `json:"from"`
	Value     *hexutil.U256  `json:"value"`
}

// A transaction's sender and value follow from its hash.

func sender(transaction common.Hash) common.Address { return common.Address(transaction[:20]) }
func value(transaction common.Hash) *uint256.Int    { return uint256.NewInt(uint64(transaction[0])) }

func transactionsOf(b *Block) []transaction {
	all := []transaction{}
	for _, r := range receiptsOf(b) {
		h := r.TransactionHash
		all = append(all, transaction{h, b.Hash, sender(h), (*hexutil.U256)(value(h))})
	}
	return all
}

// receipt is the part of a receipt that the event worker reads.
type receipt struct {
	TransactionHash  common.Hash    `json:"transactionHash"`
	TransactionIndex hexutil.Uint   `json:"transactionIndex"`
	BlockHash        common.Hash    `json:"blockHash"`
	BlockNumber      hexutil.Uint64 `json:"blockNumber"`
	LogsBloom        types.Bloom    `json:"logsBloom"`
	Status           hexutil.Uint64 `json:"status"`
	Logs             []*types.Log   `json:"logs"`
}

func receiptsOf(b *Block) []*receipt {
	all := []*receipt{}
	for _, l := range b.Logs {
		if last := len(all) - 1; last < 0 || all[last].TransactionHash != l.TxHash {
			all = append(all, &receipt{
				TransactionHash: l.TxHash, TransactionIndex: hexutil.Uint(l.TxIndex),
				BlockHash: b.Hash, BlockNumber: hexutil.Uint64(l.BlockNumber), Status: 1,
			})
		}
		r := all[len(all)-1]
		r.Logs = append(r.Logs, l)
	}
	for _, r := range all {
		r.LogsBloom = bloomOf(r.Logs)
	}
	return all
}

// GetTransactionByHash is eth_getTransactionByHash.
func (a *ethAPI) GetTransactionByHash(hash common.Hash) any {
	return find(a.c, transactionsOf, func(t transaction) bool { return t.Hash == hash })
}

// GetTransactionReceipt is eth_getTransactionReceipt.
func (a *ethAPI) GetTransactionReceipt(hash common.Hash) any {
	return find(a.c, receiptsOf, func(r *receipt) bool { return r.TransactionHash == hash })
}

// find returns what matches of what the canonical blocks have; nil if nothing does.
func find[T any](c *Chain, in func(*Block) []T, matches func(T) bool) any {
	for _, b := range c.Blocks() {
		all := in(b)
		if i := slices.IndexFunc(all, matches); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// GetBlockReceipts is eth_getBlockReceipts: null if the block does not exist.
func (a *ethAPI) GetBlockReceipts(at rpc.BlockNumberOrHash) any {
	if hash, ok := at.Hash(); ok {
		if b := a.c.ByHash(hash); b != nil {
			return receiptsOf(b)
		}
		return nil
	}
	blocks := a.c.Blocks()
	head := int64(len(blocks)) - 1
	if number, ok := at.Number(); ok && a.height(number, head) <= head {
		return receiptsOf(blocks[a.height(number, head)])
	}
	return nil
}
