// Package devnet is a network of EVM chains in memory, for tests of the whole program:
// Seaport orders are traded on them and their blocks reorganised while nodes read them. It
// serves their JSON-RPC, and says which documents their canonical blocks make.
package devnet

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
	// Finality is how many blocks below its head a chain reports as final.
	Finality = 12
	// genesisTime is the Unix time of block 0; block timestamps are blockSeconds apart,
	// however quickly the blocks are mined.
	genesisTime  = 1_700_000_000
	blockSeconds = 12
)

// Chain is an EVM chain that is mined and reorganised while nodes read it. Abandoned
// blocks can still be requested by hash, as from real nodes.
type Chain struct {
	Name string
	ID   uint64

	traders traders

	mu        sync.RWMutex
	canonical []*Block // by number
	known     map[common.Hash]*Block
}

// Block is a block with the logs of its transactions, at least one log each.
type Block struct {
	header *types.Header
	Hash   common.Hash
	Parent *Block
	logs   []*types.Log
}

// Number returns the block's height.
func (b *Block) Number() int64 { return b.header.Number.Int64() }

// NewChain returns a chain of one block.
func NewChain(name string, id uint64) *Chain {
	c := &Chain{Name: name, ID: id, known: map[common.Hash]*Block{}}
	c.add(nil, nil, 0)
	return c
}

// mine adds a block with transactions to the chain. The salt makes the block's hash
// unique at its height.
func (c *Chain) mine(transactions []transaction, salt uint64) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.add(c.canonical[len(c.canonical)-1], transactions, salt)
}

func (c *Chain) add(parent *Block, transactions []transaction, salt uint64) *Block {
	number := int64(len(c.canonical))
	h := &types.Header{
		Number: big.NewInt(number), Time: uint64(genesisTime + number*blockSeconds), Difficulty: new(big.Int),
		UncleHash: types.EmptyUncleHash, TxHash: types.EmptyTxsHash, ReceiptHash: types.EmptyReceiptsHash,
		Extra: binary.BigEndian.AppendUint64([]byte(c.Name), salt),
	}
	if parent != nil {
		h.ParentHash = parent.Hash
	}
	for _, t := range transactions {
		for _, l := range t.logs {
			h.Bloom.Add(l.contract.Bytes())
			for _, topic := range l.topics {
				h.Bloom.Add(topic.Bytes())
			}
		}
	}
	b := &Block{header: h, Hash: h.Hash(), Parent: parent}
	for i, t := range transactions {
		for _, l := range t.logs {
			b.logs = append(b.logs, &types.Log{
				Address: l.contract, Topics: l.topics, Data: l.data, TxHash: t.hash(), TxIndex: uint(i), Index: uint(len(b.logs)),
				BlockNumber: uint64(number), BlockHash: b.Hash, BlockTimestamp: h.Time,
			})
		}
	}
	c.canonical, c.known[b.Hash] = append(c.canonical, b), b
	return b
}

// abandon removes the newest blocks from the chain, but never the first block. Their
// hashes stay known.
func (c *Chain) abandon(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := max(1, len(c.canonical)-depth)
	c.canonical = c.canonical[:n:n] // later blocks must not overwrite a slice that Blocks has returned
}

// Blocks returns the blocks of the canonical chain.
func (c *Chain) Blocks() []*Block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.canonical
}

// Head returns the newest block of the canonical chain.
func (c *Chain) Head() *Block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.canonical[len(c.canonical)-1]
}

// ByHash returns a block, which may be abandoned; nil if there is none.
func (c *Chain) ByHash(hash common.Hash) *Block {
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

// Grow mines a block with some new transactions. Occasionally it first reorganises the
// chain, and returns how many blocks it has abandoned.
func (c *Chain) Grow(r *rand.Rand) (abandoned int) {
	if r.IntN(20) > 0 {
		c.Mine(r)
		return 0
	}
	depth := 1 + r.IntN(Finality-1)
	if r.IntN(12) == 0 {
		depth += Finality // a Finality violation
	}
	return c.Reorganise(r, depth)
}

// Mine adds a block with some new transactions.
func (c *Chain) Mine(r *rand.Rand) { c.mine(c.traders.transactions(r), r.Uint64()) }

// Reorganise replaces the newest blocks by more others, which contain some of the abandoned
// transactions. It returns how many it has replaced: depth, but never the first block.
func (c *Chain) Reorganise(r *rand.Rand, depth int) int {
	depth = min(depth, int(c.Head().Number()))
	c.abandon(depth)
	for range depth + 1 + r.IntN(2) {
		c.mine(c.traders.again(r), r.Uint64())
	}
	return depth
}
