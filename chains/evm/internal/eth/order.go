package eth

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/imart/event-worker/markets"
)

// VerifyLogs sorts logs and checks that they are what was requested: of the filter, within the
// range of blocks, and of one block at each height. Duplicates are dropped.
func VerifyLogs(raws []markets.Raw, f Filter, first, last int64) ([]markets.Raw, error) {
	inOrder := slices.IsSortedFunc(raws, comparePositions)
	if !inOrder {
		slices.SortStableFunc(raws, comparePositions)
	}
	kept := raws[:0]
	twice := contents{seed: maphash.MakeSeed()}
	for i := range raws {
		raw := &raws[i]
		if raw.Seq < first || raw.Seq > last {
			return nil, fmt.Errorf("log of block %d was not requested", raw.Seq)
		}
		if !f.Matches(raw) {
			return nil, fmt.Errorf("log of contract %x at %v was not requested", raw.Address, raw.Position)
		}
		if len(kept) == 0 {
			kept = append(kept, *raw)
			continue
		}
		before := &kept[len(kept)-1]
		if raw.Seq == before.Seq && raw.Block != before.Block {
			return nil, fmt.Errorf("logs of two blocks at height %d", raw.Seq)
		}
		if !raw.Position.After(before.Position) {
			if twice.has(kept, raw) {
				continue
			}
			raw.Position.Log = before.Position.Log + 1 // some chains give one index to several logs
		}
		kept = append(kept, *raw)
	}
	return kept, nil
}

func comparePositions(a, b markets.Raw) int {
	return cmp.Or(
		cmp.Compare(a.Position.Height, b.Position.Height),
		cmp.Compare(a.Position.Transaction, b.Position.Transaction),
		cmp.Compare(a.Position.Log, b.Position.Log),
	)
}

// contents finds logs of the same content among the kept ones of one transaction: a node
// may give one index to all logs of an answer.
type contents struct {
	seed        maphash.Seed
	transaction string
	known       int            // how many of the kept logs are in newest, or are of others
	newest      map[uint64]int // of the kept logs by a hash of their contents
}

// has reports whether a kept log of the same transaction, at the log's index or after it,
// has the same content.
func (c *contents) has(kept []markets.Raw, raw *markets.Raw) bool {
	if c.newest == nil || c.transaction != raw.Transaction {
		c.transaction, c.newest, c.known = raw.Transaction, map[uint64]int{}, len(kept)
		for c.known > 0 && kept[c.known-1].Transaction == raw.Transaction {
			c.known--
		}
	}
	for ; c.known < len(kept); c.known++ {
		c.newest[c.hash(&kept[c.known])] = c.known
	}
	i, found := c.newest[c.hash(raw)]
	return found && kept[i].Position.Log >= raw.Position.Log && identical(&kept[i], raw)
}

func (c *contents) hash(raw *markets.Raw) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.Write(raw.Address[:])
	for i := range raw.Topics {
		_, _ = h.Write(raw.Topics[i][:])
	}
	_, _ = h.Write(raw.Data)
	return h.Sum64()
}

// identical says whether two logs have the same content.
func identical(a, b *markets.Raw) bool {
	return a.Address == b.Address && slices.Equal(a.Topics, b.Topics) && bytes.Equal(a.Data, b.Data)
}

// Renumber numbers the logs of a block through if its receipts number those of each
// transaction from 0.
func Renumber(raws []markets.Raw) {
	slices.SortStableFunc(raws, comparePositions)
	restart := slices.ContainsFunc(raws, func(r markets.Raw) bool {
		return r.Position.Transaction > raws[0].Position.Transaction && r.Position.Log == 0
	})
	if !restart {
		return
	}
	for i := range raws {
		raws[i].Position.Log = int32(i)
	}
}
