package main

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

const (
	// finality is how many blocks below its head a chain reports as final.
	finality = 12
	// genesisTime is the Unix time of block 0; block timestamps are blockSeconds apart,
	// however quickly the blocks are mined.
	genesisTime  = 1_700_000_000
	blockSeconds = 12
)

// chain is an EVM chain that is mined and reorganised while nodes read it. Abandoned
// blocks can still be requested by hash, as from real nodes.
type chain struct {
	name string
	id   uint64

	mu        sync.RWMutex
	canonical []*block // by number
	known     map[common.Hash]*block
}

// block is a block with the logs of its transactions, at least one log each.
type block struct {
	header *types.Header
	hash   common.Hash
	parent *block
	logs   []*types.Log
}

func (b *block) number() int64 { return b.header.Number.Int64() }

func newChain(name string, id uint64) *chain {
	c := &chain{name: name, id: id, known: map[common.Hash]*block{}}
	c.add(nil, nil, 0)
	return c
}

// mine adds a block with transactions to the chain. The salt makes the block's hash
// unique at its height.
func (c *chain) mine(transactions []transaction, salt uint64) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.add(c.canonical[len(c.canonical)-1], transactions, salt)
}

func (c *chain) add(parent *block, transactions []transaction, salt uint64) *block {
	number := int64(len(c.canonical))
	h := &types.Header{
		Number: big.NewInt(number), Time: uint64(genesisTime + number*blockSeconds), Difficulty: new(big.Int),
		UncleHash: types.EmptyUncleHash, TxHash: types.EmptyTxsHash, ReceiptHash: types.EmptyReceiptsHash,
		Extra: binary.BigEndian.AppendUint64([]byte(c.name), salt),
	}
	if parent != nil {
		h.ParentHash = parent.hash
	}
	b := &block{header: h, hash: h.Hash(), parent: parent}
	for i, t := range transactions {
		for _, l := range t.logs {
			b.logs = append(b.logs, &types.Log{
				Address: l.contract, Topics: l.topics, Data: l.data, TxHash: t.hash(), TxIndex: uint(i), Index: uint(len(b.logs)),
				BlockNumber: uint64(number), BlockHash: b.hash, BlockTimestamp: h.Time,
			})
		}
	}
	c.canonical, c.known[b.hash] = append(c.canonical, b), b
	return b
}

// abandon removes the newest blocks from the chain, but never the first block. Their
// hashes stay known.
func (c *chain) abandon(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := max(1, len(c.canonical)-depth)
	c.canonical = c.canonical[:n:n] // later blocks must not overwrite a slice that blocks has returned
}

// blocks returns the blocks of the canonical chain.
func (c *chain) blocks() []*block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.canonical
}

func (c *chain) head() *block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.canonical[len(c.canonical)-1]
}

func (c *chain) byHash(hash common.Hash) *block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known[hash]
}

// transaction is a transaction that can be mined, in more than one block.
type transaction struct {
	salt uint64
	logs []logged
}

type logged struct {
	contract common.Address
	topics   []common.Hash
	data     []byte
}

func (t transaction) hash() common.Hash {
	return crypto.Keccak256Hash([]byte("transaction"), binary.BigEndian.AppendUint64(nil, t.salt))
}

// grow mines a block with some new transactions. Occasionally it first reorganises the
// chain: it replaces blocks by more others that contain some of the abandoned
// transactions.
func (c *chain) grow(r *rand.Rand, m *traders) (abandoned int) {
	if r.IntN(20) > 0 {
		c.mine(m.transactions(r), r.Uint64())
		return 0
	}
	depth := 1 + r.IntN(finality-1)
	if r.IntN(12) == 0 {
		depth += finality // a finality violation
	}
	depth = min(depth, int(c.head().number()))
	c.abandon(depth)
	for range depth + 1 + r.IntN(2) {
		c.mine(m.again(r), r.Uint64())
	}
	return depth
}
