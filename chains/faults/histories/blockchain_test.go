package histories

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// chainID is the made-up chain's.
const chainID = 7331

// genesis is the time of the first block.
const genesis = 1_700_000_000

// block is a block with its logs, which never change.
type block struct {
	header *types.Header
	hash   common.Hash
	logs   []*types.Log
}

func (b *block) number() int64 { return b.header.Number.Int64() }

// blockchain is a chain that grows and is reorganised, but never below its finalized
// block.
type blockchain struct {
	mu     sync.Mutex
	random *rand.Rand
	branch []*block
	all    map[common.Hash]*block // including abandoned blocks
	depth  int64                  // of finality
	final  int64
	shop   shop
	timed  bool // logs contain their blocks' times
}

// newBlockchain creates a chain of some blocks.
func newBlockchain(random *rand.Rand, blocks int) *blockchain {
	c := &blockchain{random: random, all: map[common.Hash]*block{}, depth: 3 + random.Int64N(6), timed: random.IntN(2) == 0}
	c.mine(blocks)
	return c
}

// mine adds blocks to the branch.
func (c *blockchain) mine(blocks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range blocks {
		c.add()
	}
}

// reorganise replaces some of the blocks that are not final, mostly by one block more.
func (c *blockchain) reorganise() {
	c.mu.Lock()
	defer c.mu.Unlock()
	head := int64(len(c.branch)) - 1
	replaced := min(1+c.random.Int64N(c.depth), head-c.final)
	kept := head - replaced + 1
	c.branch = c.branch[:kept:kept] // readers may hold the removed blocks
	c.shop = shopOf(c.branch)
	for range replaced + 1 - c.random.Int64N(5)/4 { // occasionally the head moves back
		c.add()
	}
}

// add mines one block.
func (c *blockchain) add() {
	number := int64(len(c.branch))
	header := &types.Header{
		Number: big.NewInt(number), Time: genesis + 12*uint64(number), Difficulty: new(big.Int), GasLimit: 30_000_000,
		Extra: big.NewInt(c.random.Int64()).Bytes(), // makes even empty blocks of two branches differ
	}
	if number > 0 {
		header.ParentHash = c.branch[number-1].hash
	}
	var logs []*types.Log
	if number > 0 {
		logs = c.shop.trade(c.random)
	}
	for _, l := range logs {
		header.Bloom.Add(l.Address[:])
		for _, topic := range l.Topics {
			header.Bloom.Add(topic[:])
		}
	}
	b := &block{header: header, hash: header.Hash(), logs: logs}
	for i, l := range logs {
		l.BlockNumber, l.BlockHash, l.Index = uint64(number), b.hash, uint(i)
		if c.timed {
			l.BlockTimestamp = header.Time
		}
	}
	c.branch, c.all[b.hash] = append(c.branch, b), b
	c.final = max(c.final, number-c.depth)
}

// now returns the current branch.
func (c *blockchain) now() []*block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.branch[:len(c.branch):len(c.branch)]
}

// finalized is the height of the newest final block.
func (c *blockchain) finalized() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.final
}

// byHash returns a block of any branch.
func (c *blockchain) byHash(hash common.Hash) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[hash]
}

// upTo returns the branch that ends with a block.
func (c *blockchain) upTo(hash common.Hash) []*block {
	var branch []*block
	for b := c.byHash(hash); b != nil; b = c.byHash(b.header.ParentHash) {
		branch = append([]*block{b}, branch...)
	}
	return branch
}

// has reports whether a block whose hash has the prefix was ever mined.
func (c *blockchain) has(prefix string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash := range c.all {
		if strings.HasPrefix(hash.Hex(), prefix) {
			return true
		}
	}
	return false
}
