// Package devnet is a network of EVM chains in memory, for tests of the whole program:
// Seaport orders, or what a test mines instead, are traded on them and their blocks
// reorganised while nodes read them. It serves their JSON-RPC, and says which documents their
// canonical blocks make.
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
	// Finality is how many blocks below its head a chain reports as final, unless a test
	// says otherwise.
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
	// Finality is how many blocks below its head the chain reports as final.
	Finality int
	// Untimed says that logs lack the times of their blocks, as older nodes' do.
	Untimed bool

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
	Logs   []*types.Log
}

// Number returns the block's height.
func (b *Block) Number() int64 { return b.header.Number.Int64() }

// Draft is what a block is mined of. The salt makes the block's hash unique at its height.
type Draft struct {
	Transactions []Transaction
	Salt         uint64
}

// Transaction is a transaction that can be mined, in more than one block.
type Transaction struct {
	Salt uint64
	Logs []Log
}

// Log is a log that is not yet mined.
type Log struct {
	Contract common.Address
	Topics   []common.Hash
	Data     []byte
}

func (t Transaction) hash() common.Hash {
	return crypto.Keccak256Hash([]byte("transaction"), binary.BigEndian.AppendUint64(nil, t.Salt))
}

// NewChain returns a chain of one block.
func NewChain(name string, id uint64) *Chain {
	c := &Chain{Name: name, ID: id, Finality: Finality, known: map[common.Hash]*Block{}}
	c.add(nil, Draft{})
	return c
}

// Replace replaces the newest blocks by others, or adds blocks if the depth is 0. The first
// block stays, and the hashes of all blocks stay known. Nodes see all of it or nothing.
func (c *Chain) Replace(depth int, by ...Draft) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := max(1, len(c.canonical)-depth)
	c.canonical = c.canonical[:n:n] // later blocks must not overwrite a slice that Blocks has returned
	for _, d := range by {
		c.add(c.canonical[len(c.canonical)-1], d)
	}
}

func (c *Chain) add(parent *Block, d Draft) {
	number := int64(len(c.canonical))
	h := &types.Header{
		Number: big.NewInt(number), Time: uint64(genesisTime + number*blockSeconds), Difficulty: new(big.Int),
		UncleHash: types.EmptyUncleHash, TxHash: types.EmptyTxsHash, ReceiptHash: types.EmptyReceiptsHash,
		Extra: binary.BigEndian.AppendUint64([]byte(c.Name), d.Salt),
	}
	if parent != nil {
		h.ParentHash = parent.Hash
	}
	b := &Block{header: h, Parent: parent}
	for i, t := range d.Transactions {
		for _, l := range t.Logs {
			b.Logs = append(b.Logs, &types.Log{
				Address: l.Contract, Topics: l.Topics, Data: l.Data, TxHash: t.hash(), TxIndex: uint(i), Index: uint(len(b.Logs)),
				BlockNumber: uint64(number),
			})
		}
	}
	h.Bloom = bloomOf(b.Logs)
	b.Hash = h.Hash()
	for _, l := range b.Logs {
		l.BlockHash = b.Hash
		if !c.Untimed {
			l.BlockTimestamp = h.Time
		}
	}
	c.canonical, c.known[b.Hash] = append(c.canonical, b), b
}

// bloomOf returns the bloom of logs.
func bloomOf(logs []*types.Log) (bloom types.Bloom) {
	for _, l := range logs {
		bloom.Add(l.Address.Bytes())
		for _, topic := range l.Topics {
			bloom.Add(topic.Bytes())
		}
	}
	return bloom
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

// Final returns the height of the newest final block.
func (c *Chain) Final() int64 { return c.finalBelow(c.Head().Number()) }

func (c *Chain) finalBelow(head int64) int64 { return max(0, head-int64(c.Finality)) }

// ByHash returns a block, which may be abandoned; nil if there is none.
func (c *Chain) ByHash(hash common.Hash) *Block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known[hash]
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
func (c *Chain) Mine(r *rand.Rand) {
	c.Replace(0, Draft{c.traders.transactions(r), r.Uint64()})
}

// Reorganise replaces the newest blocks by more others, which contain some of the abandoned
// transactions. It returns how many it has replaced: depth, but never the first block.
func (c *Chain) Reorganise(r *rand.Rand, depth int) int {
	depth = min(depth, int(c.Head().Number()))
	by := make([]Draft, depth+1+r.IntN(2))
	for i := range by {
		by[i] = Draft{c.traders.again(r), r.Uint64()}
	}
	c.Replace(depth, by...)
	return depth
}
