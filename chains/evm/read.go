package evm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Read implements chains.Chain.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if err := c.check(ctx); err != nil {
		return chains.Page{}, err
	}
	key := keyOf(source)
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
		page, err = c.readRange(ctx, view, key, f, after, min(last, view.Final.Seq), limit)
	default:
		page, err = c.readBlocks(ctx, view, f, after.Seq+1, last, limit)
	}
	if err == nil && source.Around {
		err = c.surround(ctx, page.Raws)
	}
	if err != nil {
		return chains.Page{}, err
	}
	return page, nil
}

// readRange reads final blocks: as many at once as hold about limit events and as
// the node will answer.
func (c *Chain) readRange(ctx context.Context, view *chains.View, key string, f filter, after markets.Place, last int64, limit int) (chains.Page, error) {
	for blocks := c.ranges.next(key); ; {
		to := min(after.Seq+blocks, last)
		raws, hash, err := c.fetchRange(ctx, view, f, after, to)
		blocks = to - after.Seq
		switch {
		case err == nil:
			c.ranges.answered(key, blocks, len(raws), limit)
			page := cut(chains.Page{To: markets.Place{Seq: to, Hash: hash}, Raws: raws}, limit)
			return page, c.fillTimes(ctx, page.Raws)
		case blocks > 1 && ctx.Err() == nil && isTooMany(err):
			c.ranges.tooMany(key, blocks)
			blocks /= 2
		default:
			return chains.Page{}, err
		}
	}
}

// cut shortens a page of more than twice as many events as wanted, behind a whole
// block.
func cut(page chains.Page, limit int) chains.Page {
	if len(page.Raws) <= 2*limit {
		return page
	}
	n := limit
	for n > 0 && page.Raws[n-1].Seq == page.Raws[n].Seq {
		n--
	}
	if n == 0 { // the first block alone has more
		for n = limit; n < len(page.Raws) && page.Raws[n].Seq == page.Raws[0].Seq; n++ {
		}
	}
	if n == len(page.Raws) {
		return page
	}
	last := page.Raws[n-1]
	return chains.Page{To: markets.Place{Seq: last.Seq, Hash: last.Block}, Raws: page.Raws[:n:n]}
}

// fetchRange fetches the logs of the blocks behind a place up to last, and last's
// hash. The headers come in the same request: a node that has last has seen the
// range, so that no logs means that there are none; and the page begins on the
// branch that it ends on, even if finality was broken.
func (c *Chain) fetchRange(ctx context.Context, view *chains.View, f filter, after markets.Place, last int64) ([]markets.Raw, string, error) {
	var logs logScan
	var start, end header
	first := after.Seq + 1
	query := f.query()
	query["fromBlock"], query["toBlock"] = quantity(first), quantity(last)
	getLogs := &call{method: "eth_getLogs", params: []any{query}, result: logs.into}
	getEnd := blockByNumber(quantity(last), &end)
	calls := []*call{getLogs, getEnd}
	if after.Hash != "" {
		calls = append(calls, blockByNumber(quantity(after.Seq), &start))
	}
	if err := c.node.send(ctx, calls...); err != nil {
		return nil, "", err
	}
	if getEnd.err == nil && end.hash == "" { // whatever it says of the logs
		return nil, "", c.node.Errorf("%w: no block %d", chains.ErrAhead, last)
	}
	if err := firstError(calls); err != nil {
		return nil, "", err
	}
	if end.number != last {
		return nil, "", c.node.Errorf("asked for block %d, answered with block %d", last, end.number)
	}
	if start.hash != after.Hash {
		return nil, "", c.node.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, after.Seq, after.Hash)
	}
	if hash, ok := view.Hash(last); ok && hash != end.hash {
		return nil, "", c.node.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, last, hash)
	}
	if err := verify(logs.raws, f, first, last); err != nil {
		return nil, "", c.node.Errorf("eth_getLogs of blocks %d to %d: %w", first, last, err)
	}
	if n := len(logs.raws); n > 0 && logs.raws[n-1].Seq == last && logs.raws[n-1].Block != end.hash {
		return nil, "", c.node.Errorf("%w: logs of block %d are not of %s", chains.ErrReorganised, last, end.hash)
	}
	return logs.raws, end.hash, nil
}

// verify checks that logs are what was asked for: of the filter, of blocks within
// a range, in order, and of one block at each height.
func verify(raws []markets.Raw, f filter, first, last int64) error {
	for i := range raws {
		raw := &raws[i]
		if raw.Seq < first || raw.Seq > last {
			return fmt.Errorf("log of block %d was not asked for", raw.Seq)
		}
		if !f.matches(raw) {
			return fmt.Errorf("log of contract %x at %v was not asked for", raw.Address, raw.Position)
		}
		if i == 0 {
			continue
		}
		before := &raws[i-1]
		if !raw.Position.After(before.Position) {
			return fmt.Errorf("log at %v after that at %v", raw.Position, before.Position)
		}
		if raw.Seq == before.Seq && raw.Block != before.Block {
			return fmt.Errorf("logs of two blocks at height %d", raw.Seq)
		}
	}
	return nil
}

// fillTimes sets the times that the logs themselves did not tell.
func (c *Chain) fillTimes(ctx context.Context, raws []markets.Raw) error {
	times := map[string]time.Time{} // by block hash
	var missing []string
	for i := range raws {
		block := raws[i].Block
		if _, seen := times[block]; seen || !raws[i].Time.IsZero() {
			continue
		}
		at, ok := c.times.Get(block)
		if !ok {
			missing = append(missing, block)
		}
		times[block] = at
	}
	if len(times) == 0 {
		return nil
	}
	fetched, err := c.fetchTimes(ctx, missing)
	if err != nil {
		return err
	}
	maps.Copy(times, fetched)
	for i := range raws {
		if raws[i].Time.IsZero() {
			raws[i].Time = times[raws[i].Block]
		}
	}
	return nil
}

// fetchTimes fetches the times of blocks, some requests at once.
func (c *Chain) fetchTimes(ctx context.Context, hashes []string) (map[string]time.Time, error) {
	const batch, atOnce = 50, 4
	headers := make([]header, len(hashes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for from := 0; from < len(hashes); from += batch {
		to := min(from+batch, len(hashes))
		group.Go(func() error {
			calls := make([]*call, 0, batch)
			for i := from; i < to; i++ {
				calls = append(calls, blockByHash(hashes[i], &headers[i]))
			}
			return c.node.do(ctx, calls...)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	times := make(map[string]time.Time, len(hashes))
	for i, h := range headers {
		if h.hash != hashes[i] {
			return nil, c.node.Errorf("%w: no block %s, whose logs it gave", chains.ErrAhead, hashes[i])
		}
		times[h.hash] = h.time
		c.times.Add(h.hash, h.time)
	}
	return times, nil
}

// readBlocks reads blocks of the view by hash, until about limit events are there.
func (c *Chain) readBlocks(ctx context.Context, view *chains.View, f filter, first, last int64, limit int) (chains.Page, error) {
	const atOnce = 8
	var page chains.Page
	for from := first; from <= last && len(page.Raws) < limit; from += atOnce {
		blocks, err := c.fetchBlocks(ctx, view, from, min(from+atOnce-1, last))
		if err != nil {
			return chains.Page{}, err
		}
		for i, raws := range blocks {
			number := from + int64(i)
			hash, _ := view.Hash(number)
			page.To = markets.Place{Seq: number, Hash: hash}
			for j := range raws {
				if f.matches(&raws[j]) {
					page.Raws = append(page.Raws, raws[j])
				}
			}
			if len(page.Raws) >= limit {
				break
			}
		}
	}
	return page, nil
}

// fetchBlocks fetches the logs, for all sources, of consecutive blocks of the view.
func (c *Chain) fetchBlocks(ctx context.Context, view *chains.View, first, last int64) ([][]markets.Raw, error) {
	blocks := make([][]markets.Raw, last-first+1)
	group, ctx := errgroup.WithContext(ctx)
	for i := range blocks {
		group.Go(func() (err error) {
			hash, _ := view.Hash(first + int64(i))
			blocks[i], err = c.block(ctx, first+int64(i), hash)
			return err
		})
	}
	return blocks, group.Wait()
}

// block returns the logs of one block for all sources. However many streams ask,
// the node is asked once.
func (c *Chain) block(ctx context.Context, number int64, hash string) ([]markets.Raw, error) {
	if raws, ok := c.blocks.Get(hash); ok {
		return raws, nil
	}
	// The fetch serves others too, so that it does not end with this context.
	flight := c.flights.DoChan(hash, func() (any, error) {
		if raws, ok := c.blocks.Get(hash); ok { // by the flight before
			return raws, nil
		}
		raws, err := c.fetchBlock(c.life, number, hash)
		if err == nil {
			c.blocks.Add(hash, raws)
		}
		return raws, err
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case result := <-flight:
		raws, _ := result.Val.([]markets.Raw)
		return raws, result.Err
	}
}

// fetchBlock fetches the logs of one block together with its header, which proves
// that the node has the block.
func (c *Chain) fetchBlock(ctx context.Context, number int64, hash string) ([]markets.Raw, error) {
	var logs logScan
	var h header
	query := c.all.query()
	query["blockHash"] = hash
	getLogs := &call{method: "eth_getLogs", params: []any{query}, result: logs.into}
	getBlock := blockByHash(hash, &h)
	if err := c.node.send(ctx, getLogs, getBlock); err != nil {
		return nil, err
	}
	switch {
	case getBlock.err != nil:
		return nil, getBlock.err
	case h.hash == "":
		return nil, c.node.Errorf("%w: no block %s", chains.ErrReorganised, hash)
	case getLogs.err != nil:
		return nil, getLogs.err
	case h.hash != hash || h.number != number:
		return nil, c.node.Errorf("asked for block %d %s, answered with %d %s", number, hash, h.number, h.hash)
	}
	if err := verify(logs.raws, c.all, number, number); err != nil {
		return nil, c.node.Errorf("eth_getLogs of block %s: %w", hash, err)
	}
	if len(logs.raws) > 0 && logs.raws[0].Block != hash {
		return nil, c.node.Errorf("%w: logs of block %s instead of %s", chains.ErrReorganised, logs.raws[0].Block, hash)
	}
	for i := range logs.raws {
		logs.raws[i].Time = cmp.Or(logs.raws[i].Time, h.time)
	}
	return logs.raws, nil
}
