package replay

import (
	"cmp"
	"encoding/binary"
	"io/fs"
	"math/bits"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// blockchain is a recorded EVM chain. Its blocks are those recorded; every other
// block is empty, and its hash, time and parent follow from its number alone.
type blockchain struct {
	id            uint64
	blockSeconds  int64
	safeDepth     int64
	finalityDepth int64

	blocks []*block // by number
	// hashes are the real ones: of recorded blocks and of recorded blocks' parents.
	hashes  map[int64]common.Hash
	heights map[common.Hash]int64
}

func openBlockchain(fsys fs.FS, file chainFile) (*blockchain, error) {
	names, err := jsonFiles(fsys, "blocks")
	if err != nil {
		return nil, err
	}
	c := &blockchain{
		id:            file.ChainID,
		blockSeconds:  file.BlockSeconds,
		safeDepth:     file.SafeDepth,
		finalityDepth: file.FinalityDepth,
		hashes:        map[int64]common.Hash{},
		heights:       map[common.Hash]int64{},
	}
	for _, name := range names {
		b, parent, err := openBlock(fsys, name)
		if err != nil {
			return nil, err
		}
		if !c.learn(b.number, b.hash) {
			return nil, invalid(name, "hash", "another file says otherwise")
		}
		if parent != nil && !c.learn(b.number-1, *parent) {
			return nil, invalid(name, "parentHash", "the parent's own file says otherwise")
		}
		c.blocks = append(c.blocks, b)
	}
	slices.SortFunc(c.blocks, func(a, b *block) int { return cmp.Compare(a.number, b.number) })
	for i, b := range c.blocks[1:] {
		if b.time < c.blocks[i].time {
			return nil, invalid(b.file, "timestamp", "earlier than that of block %d", c.blocks[i].number)
		}
	}
	return c, nil
}

// learn takes a real hash in. It reports false when it contradicts another.
func (c *blockchain) learn(number int64, hash common.Hash) bool {
	if old, ok := c.hashes[number]; ok && old != hash {
		return false
	}
	if old, ok := c.heights[hash]; ok && old != number {
		return false
	}
	c.hashes[number], c.heights[hash] = hash, number
	return true
}

func (c *blockchain) numbers() []int64 {
	out := make([]int64, len(c.blocks))
	for i, b := range c.blocks {
		out[i] = b.number
	}
	return out
}

// index is where a block with that number is, or would be, among those recorded.
func (c *blockchain) index(number int64) (int, bool) {
	return slices.BinarySearchFunc(c.blocks, number, func(b *block, n int64) int { return cmp.Compare(b.number, n) })
}

// block is the recorded block of that number; nil for an empty one.
func (c *blockchain) block(number int64) *block {
	if i, ok := c.index(number); ok {
		return c.blocks[i]
	}
	return nil
}

// between lists the recorded blocks from one number up to and including another.
func (c *blockchain) between(from, to int64) []*block {
	first, _ := c.index(from)
	last, _ := c.index(to + 1)
	if first >= last {
		return nil
	}
	return c.blocks[first:last]
}

// hash is the hash of the block of that number; zero for the parent of block 0.
func (c *blockchain) hash(number int64) common.Hash {
	if number < 0 {
		return common.Hash{}
	}
	if h, ok := c.hashes[number]; ok {
		return h
	}
	return c.madeUp(number)
}

// number finds the block of that hash.
func (c *blockchain) number(hash common.Hash) (int64, bool) {
	if n, ok := c.heights[hash]; ok {
		return n, true
	}
	n := int64(binary.BigEndian.Uint64(hash[24:]) ^ binary.BigEndian.Uint64(hash[:8]))
	if n < 0 || n > maxHeight || c.hash(n) != hash {
		return 0, false
	}
	return n, true
}

// madeUp is the hash of a block that was not recorded. It carries the number,
// masked by the digest of it, so that any process can find the block by its hash.
func (c *blockchain) madeUp(number int64) common.Hash {
	seed := make([]byte, 0, 32)
	seed = append(seed, "replay"...)
	seed = binary.BigEndian.AppendUint64(seed, uint64(number))
	seed = binary.BigEndian.AppendUint64(seed, c.id)
	h := crypto.Keccak256Hash(seed)
	binary.BigEndian.PutUint64(h[24:], binary.BigEndian.Uint64(h[:8])^uint64(number))
	return h
}

// time is a block's Unix time in seconds: the recorded one, or one between its
// recorded neighbours', on the chain's grid of blockSeconds. It never decreases
// from block to block.
func (c *blockchain) time(number int64) int64 {
	i, recorded := c.index(number)
	switch {
	case recorded:
		return c.blocks[i].time
	case i == 0:
		first := c.blocks[0]
		return max(first.time-(first.number-number)*c.blockSeconds, 0)
	case i == len(c.blocks):
		last := c.blocks[i-1]
		return last.time + (number-last.number)*c.blockSeconds
	}
	a, b := c.blocks[i-1], c.blocks[i]
	passed := share(b.time-a.time, number-a.number, b.number-a.number)
	return a.time + passed/c.blockSeconds*c.blockSeconds
}

// share is whole·part/parts, rounded down, for 0 ≤ part < parts and whole ≥ 0.
func share(whole, part, parts int64) int64 {
	hi, lo := bits.Mul64(uint64(whole), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(parts))
	return int64(q)
}

// safe and finalized are the heights of those tags under a head.
func (c *blockchain) safe(head int64) int64      { return max(head-c.safeDepth, 0) }
func (c *blockchain) finalized(head int64) int64 { return max(head-c.finalityDepth, 0) }
