package histories

import (
	"math/rand/v2"

	"github.com/imart/event-worker/internal/devnet"
)

// blockchain is a chain of the shop that grows and is reorganised, but never below its
// finalized block.
type blockchain struct {
	*devnet.Chain
	random *rand.Rand
	shop   shop
}

// newBlockchain creates a chain of some blocks.
func newBlockchain(random *rand.Rand, name string, id uint64, blocks int) *blockchain {
	c := &blockchain{Chain: devnet.NewChain(name, id), random: random, shop: shop{open: map[uint64]bool{}}}
	c.Finality, c.Untimed = 3+random.IntN(6), random.IntN(2) == 0
	c.mine(blocks)
	return c
}

// mine adds blocks.
func (c *blockchain) mine(blocks int) { c.Replace(0, c.drafts(blocks)...) }

// reorganise replaces some of the blocks that are not final, mostly by one block more.
func (c *blockchain) reorganise() {
	blocks := c.Blocks()
	replaced := min(1+c.random.IntN(c.Finality), int(c.Head().Number()-c.Final()))
	c.shop = shopOf(blocks[:len(blocks)-replaced])
	c.Replace(replaced, c.drafts(replaced+1-c.random.IntN(5)/4)...)
}

func (c *blockchain) drafts(count int) []devnet.Draft {
	all := make([]devnet.Draft, count)
	for i := range all {
		all[i] = devnet.Draft{Transactions: c.shop.trade(c.random), Salt: c.random.Uint64()}
	}
	return all
}

// branchOf returns the branch that ends with a block.
func branchOf(b *devnet.Block) []*devnet.Block {
	branch := make([]*devnet.Block, b.Number()+1)
	for ; b != nil; b = b.Parent {
		branch[b.Number()] = b
	}
	return branch
}
