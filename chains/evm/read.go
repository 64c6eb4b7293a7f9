package evm

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/markets"
)

// Read implements chains.Chain.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	key := eth.SourceKey(source)
	f, ok := c.filters[key]
	if !ok {
		return chains.Page{}, fmt.Errorf("source %q is not among the chain's sources", key)
	}
	if view.Stand(after) == chains.Off {
		return chains.Page{}, fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, after.Seq, after.Hash)
	}
	last := view.Head.Seq
	if through >= 0 {
		last = min(last, through)
	}
	limit = max(limit, 1)
	var page chains.Page
	var err error
	switch {
	case after.Seq >= last:
		return chains.Page{To: after}, nil
	case after.Seq < view.Final.Seq:
		page, err = c.backfill.Read(ctx, view, key, after, min(last, view.Final.Seq), limit)
	default:
		page, err = c.readBlocks(ctx, view, f, after.Seq+1, last, limit)
	}
	if err == nil && source.ReceiptLogs {
		err = c.addReceiptLogs(ctx, page.Raws)
	}
	if err == nil && source.Envelope {
		err = c.addEnvelopes(ctx, page.Raws)
	}
	if err != nil {
		return chains.Page{}, err
	}
	return page, nil
}

// readBlocks reads blocks of the view by hash until there are about limit events.
func (c *Chain) readBlocks(ctx context.Context, view *chains.View, f eth.Filter, first, last int64, limit int) (chains.Page, error) {
	var page chains.Page
	atOnce := int64(c.cfg.InFlight)
	for from := first; from <= last && len(page.Raws) < limit; from += atOnce {
		blocks, err := c.fetchBlocksLogs(ctx, view, from, min(from+atOnce-1, last))
		if err != nil && len(blocks) == 0 && from == first {
			return chains.Page{}, err
		}
		for i, raws := range blocks {
			number := from + int64(i)
			hash, _ := view.Hash(number)
			page.To = markets.Place{Seq: number, Hash: hash}
			for j := range raws {
				if f.Matches(&raws[j]) {
					page.Raws = append(page.Raws, raws[j])
				}
			}
			if len(page.Raws) >= limit {
				break
			}
		}
		if err != nil { // what came before it is progress
			break
		}
	}
	return page, nil
}

// fetchBlocksLogs fetches the logs, for all sources, of consecutive blocks of the view. On an
// error it also returns those before the first block that failed.
func (c *Chain) fetchBlocksLogs(ctx context.Context, view *chains.View, first, last int64) ([][]markets.Raw, error) {
	blocks := make([][]markets.Raw, last-first+1)
	errs := make([]error, len(blocks))
	var group errgroup.Group
	for i := range blocks {
		group.Go(func() error {
			number := first + int64(i)
			hash, _ := view.Hash(number)
			if below, ok := view.Hash(number - 1); ok && below == hash {
				return nil // a height without a block
			}
			blocks[i], errs[i] = c.blockLogs(ctx, number, hash)
			return nil
		})
	}
	_ = group.Wait()
	for i, err := range errs {
		if err != nil {
			return blocks[:i], err
		}
	}
	return blocks, nil
}
