package eth

import (
	"bytes"
	"cmp"
	"fmt"
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
			if isTwice(kept, raw) {
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

// isTwice says whether the kept logs of the same transaction have one that is the same.
func isTwice(kept []markets.Raw, raw *markets.Raw) bool {
	for i := len(kept) - 1; i >= 0 && kept[i].Transaction == raw.Transaction && kept[i].Position.Log >= raw.Position.Log; i-- {
		if identical(&kept[i], raw) {
			return true
		}
	}
	return false
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
