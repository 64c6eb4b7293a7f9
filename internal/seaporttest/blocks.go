package seaporttest

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Block is the header of a block.
type Block struct {
	Number hexutil.Uint64
	Hash   common.Hash
	Time   hexutil.Uint64 `json:"timestamp"`
}

// blockTime is the time from one block to the next.
const blockTime = 12 * time.Second

// Head returns the newest block.
func (w *World) Head() Block {
	w.t.Helper()
	var b Block
	w.call(&b, "eth_getBlockByNumber", "latest", false)
	return b
}

// Mine mines n blocks without transactions.
func (w *World) Mine(n int) {
	w.t.Helper()
	for range n {
		w.call(nil, "evm_mine")
	}
	w.adopt()
}

// Advance mines a block that is d later than the newest.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	w.call(nil, "evm_setNextBlockTimestamp", uint64(w.Head().Time)+uint64(d/time.Second))
	w.Mine(1)
}

// Snapshot returns the state of the chain, for Revert.
func (w *World) Snapshot() string {
	w.t.Helper()
	var id string
	w.call(&id, "evm_snapshot")
	return id
}

// Revert takes the chain back to a snapshot, which can be used once: its head goes back.
func (w *World) Revert(snapshot string) {
	w.t.Helper()
	var reverted bool
	w.call(&reverted, "evm_revert", snapshot)
	if !reverted {
		w.t.Fatalf("there is no snapshot %s", snapshot)
	}
	w.scanned = min(w.scanned, uint64(w.Head().Number))
}

// Block mines one block of the transactions that do sends. Within do, actions see the chain as
// of the block before and return no error for transactions that will fail. The error of
// Block names those that did.
func (w *World) Block(do func()) error {
	w.t.Helper()
	w.holding, w.pending = true, nil
	do()
	w.holding = false
	w.Mine(1)
	var failed []error
	for _, hash := range w.pending {
		failed = append(failed, w.receipt(hash))
	}
	return errors.Join(failed...)
}

// transaction is what is sent to a node.
type transaction struct {
	From  common.Address `json:"from"`
	To    common.Address `json:"to"`
	Input hexutil.Bytes  `json:"input"`
	Value *hexutil.Big   `json:"value"`
	Gas   hexutil.Uint64 `json:"gas"`
}

const gas = 3_000_000

// send sends a transaction and, outside Block, mines it.
func (w *World) send(from, to common.Address, input []byte, value *big.Int) error {
	w.t.Helper()
	if value == nil {
		value = new(big.Int)
	}
	var hash common.Hash
	tx := transaction{from, to, input, (*hexutil.Big)(value), gas}
	if err := w.try(&hash, "eth_sendTransaction", tx); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if w.holding {
		w.pending = append(w.pending, hash)
		return nil
	}
	w.Mine(1)
	return w.receipt(hash)
}

func (w *World) receipt(hash common.Hash) error {
	w.t.Helper()
	var receipt *struct{ Status hexutil.Uint64 }
	w.call(&receipt, "eth_getTransactionReceipt", hash)
	switch {
	case receipt == nil:
		w.t.Fatalf("transaction %s was not mined", hash)
	case receipt.Status == 0:
		return fmt.Errorf("transaction %s %w", hash, ErrRefused)
	}
	return nil
}

// Reorganise replaces the newest blocks by as many others. keep chooses which of their
// transactions come again, in the first of the new blocks; nil keeps none.
func (w *World) Reorganise(depth int, keep func(i int) bool) {
	w.t.Helper()
	head := uint64(w.Head().Number)
	w.salt++ // a transaction that no other block has: equal blocks would have equal hashes
	kept := []any{[]any{transaction{w.Vault, w.Fees, nil, (*hexutil.Big)(new(big.Int).SetUint64(w.salt)), gas}, 0}}
	i := 0
	for n := head - uint64(depth) + 1; n <= head; n++ {
		var block struct{ Transactions []transaction }
		w.call(&block, "eth_getBlockByNumber", hexutil.Uint64(n), true)
		for _, tx := range block.Transactions {
			if keep != nil && keep(i) {
				kept = append(kept, []any{tx, 0})
			}
			i++
		}
	}
	w.call(nil, "anvil_reorg", depth, kept)
	w.scanned = head - uint64(depth)
	w.adopt()
}
