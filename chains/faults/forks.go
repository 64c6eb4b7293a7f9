package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// forkKinds are histories other than the node's.
func forkKinds() []Kind {
	return []Kind{
		{Name: "fork", Chain: "evm", Does: "serves different blocks from a height on: other hashes and, if wanted, no logs; with after: it breaks finality", build: fork,
			Params: []Param{
				number("at", 0, "the first different block"), number("depth", 0, "instead: how many of the newest blocks, as the head is when the fork begins"),
				word("logs", "keep", "the same logs, or none", "keep", "drop"),
			}},
		{Name: "other-chain", Chain: "any", Does: "serves another chain: that of --other, or one made of the same blocks with other hashes and another id", build: otherChain,
			Params: []Param{number("id", otherChainID, "the id of the made-up chain"), word("logs", "keep", "its logs: the same, or none", "keep", "drop")}},
	}
}

func fork(p params) hooks {
	at, depth, drop := p.number("at"), p.number("depth"), p.word("logs") == "drop"
	var once sync.Once
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		if depth > 0 {
			once.Do(func() {
				head, _ := t.proxy.blocks.head(c)
				at = max(head-depth+1, 0)
			})
		}
		return newBranch(t, at, drop).call(c, next)
	}}
}

func otherChain(p params) hooks {
	id, drop := p.number("id"), p.word("logs") == "drop"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		switch {
		case !t.hit():
			return next(c)
		case t.proxy.options.Other != nil:
			return forwardTo(t.proxy.options.Other, c)
		case c.method == chainID || c.method == "net_version":
			return c.chainID(id)
		case c.rest != nil:
			a := next(c)
			a.set(headerChain, id)
			return a
		}
		return newBranch(t, 0, drop).call(c, next)
	}}
}

// branch is a history with different blocks from a height on. Their hashes are those of
// the node's blocks with some bits flipped, so that they can be converted back.
type branch struct {
	blocks *blocks
	at     int64
	drop   bool
	mask   [sha256.Size]byte
}

func newBranch(t *turn, at int64, drop bool) *branch {
	return &branch{blocks: t.proxy.blocks, at: at, drop: drop, mask: sha256.Sum256(append([]byte("branch"), t.rule.seed[:]...))}
}

// flipped converts the hash of a block between the two chains.
func (b *branch) flipped(hash string) string {
	raw, err := hex.DecodeString(strings.TrimPrefix(hash, "0x"))
	if err != nil || len(raw) != sha256.Size {
		return hash
	}
	for i := range raw {
		raw[i] ^= b.mask[i]
	}
	return "0x" + hex.EncodeToString(raw)
}

// call answers a call on the branch.
func (b *branch) call(c *call, next func(*call) *answer) *answer {
	asked, known := b.translate(c)
	if !known {
		if c.method == getLogs {
			return c.fail(-32000, "unknown block")
		}
		return c.result(nil)
	}
	a := next(asked)
	a.call = c
	a.block(b.header)
	switch c.method {
	case getReceipt, getTransaction:
		b.one(a)
	case getBlockReceipts:
		b.all(a)
	}
	a.logs(b.logs)
	return a
}

// translate returns the call to the node; false if the branch does not have the block.
func (b *branch) translate(c *call) (*call, bool) {
	args := c.arguments()
	if len(args) == 0 {
		return c, true
	}
	switch c.method {
	case getLogs:
		q, ok := c.query()
		if !ok || q.BlockHash == "" {
			return c, true
		}
		if q.BlockHash, ok = b.original(c, q.BlockHash); !ok {
			return nil, false
		}
		return c.with([]query{q}), true
	case getBlockByHash, getBlockReceipts:
		var hash string
		if json.Unmarshal(args[0], &hash) != nil || !isHash(hash) {
			return c, true
		}
		hash, ok := b.original(c, hash)
		args = slices.Clone(args)
		args[0] = jsonOf(hash)
		return c.with(args), ok
	}
	return c, true
}

// original returns the node's hash of a block of the branch.
func (b *branch) original(c *call, hash string) (string, bool) {
	if turned := b.flipped(hash); turned != hash {
		if height, ok := b.blocks.height(c, turned); ok {
			return turned, height >= b.at
		}
	}
	height, ok := b.blocks.height(c, hash)
	return hash, ok && height < b.at
}

// set converts the hash in a member, if it is the hash of a block at a height of the
// branch.
func (b *branch) set(o object, member string, height int64) {
	if hash := o.text(member); hash != "" && height >= b.at {
		o[member] = jsonOf(b.flipped(hash))
	}
}

func (b *branch) header(o object) {
	height, ok := heightOf(o)
	if !ok {
		return
	}
	b.set(o, "hash", height)
	b.set(o, "parentHash", height-1)
	if b.drop && height >= b.at {
		o["logsBloom"] = jsonOf(bloomOf(0))
	}
}

// one converts the hash in a receipt or a transaction.
func (b *branch) one(a *answer) {
	var o object
	if !a.ok() || json.Unmarshal(a.result, &o) != nil || o == nil {
		return
	}
	b.receipt(o)
	a.result = jsonOf(o)
}

func (b *branch) all(a *answer) {
	var receipts []object
	if !a.ok() || json.Unmarshal(a.result, &receipts) != nil || receipts == nil {
		return
	}
	for _, o := range receipts {
		b.receipt(o)
	}
	a.result = list(receipts)
}

func (b *branch) receipt(o object) {
	height, ok := heightOf(o)
	if !ok {
		return
	}
	b.set(o, "blockHash", height)
	if _, has := o["logsBloom"]; has && b.drop && height >= b.at {
		o["logsBloom"] = jsonOf(bloomOf(0))
	}
}

func (b *branch) logs(logs []object) []object {
	kept := logs[:0]
	for _, l := range logs {
		height, ok := heightOf(l)
		if ok && b.drop && height >= b.at {
			continue
		}
		b.set(l, "blockHash", height)
		kept = append(kept, l)
	}
	return kept
}

// bloomOf returns a bloom filter of equal bytes.
func bloomOf(b byte) string { return "0x" + strings.Repeat(hex.EncodeToString([]byte{b}), 256) }
