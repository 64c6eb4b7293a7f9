package evm

import (
	"cmp"
	"context"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// blockLogs returns the logs of one block for all sources. However many streams ask,
// the endpoints are asked once; not at all where the block's bloom excludes them.
func (c *Chain) blockLogs(ctx context.Context, number int64, hash string) ([]markets.Raw, error) {
	if raws, ok := c.blocks.Get(hash); ok {
		return raws, nil
	}
	if h, ok := c.headers.Get(hash); ok && c.blooms.trusted() && !c.mayContain(h.bloom) {
		return nil, nil
	}
	// The fetch serves others too, so that it does not end with this context.
	flight := c.flights.DoChan(hash, func() (any, error) {
		if raws, ok := c.blocks.Get(hash); ok { // by the flight before
			return raws, nil
		}
		raws, err := c.fetchBlockLogs(c.ctx, number, hash)
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

// mayContain says whether a block with a bloom may have logs of any source.
func (c *Chain) mayContain(b bloom) bool {
	for _, f := range c.filters {
		if f.mayContain(b) {
			return true
		}
	}
	return false
}

// fetchBlockLogs fetches the logs of one block together with its header, which proves
// that the endpoint has the block.
func (c *Chain) fetchBlockLogs(ctx context.Context, number int64, hash string) (raws []markets.Raw, err error) {
	err = c.use(ctx, withBlock(number), func(ctx context.Context, n client) error {
		var h header
		h, raws, err = c.blockLogsFrom(ctx, n, c.all, number, hash)
		if err != nil {
			return err
		}
		if raws, err = c.reconcile(ctx, n, c.allSources(), h, raws); err != nil {
			return err
		}
		for i := range raws {
			raws[i].Time = cmp.Or(raws[i].Time, h.time)
		}
		return nil
	})
	if refusal := endpoint.RefusalOf(err); err != nil && ctx.Err() == nil && refusal.IsSize() {
		whole, wholeErr := c.fetchRefusedBlock(ctx, c.allSources(), number, err)
		if wholeErr != nil || whole.hash != hash {
			return nil, err
		}
		return whole.raws, c.fillTimes(ctx, whole.raws)
	}
	return raws, err
}

// allSources is the interest of all sources.
func (c *Chain) allSources() interest { return interest{all: c.all, each: c.filters} }

// blockLogsFrom asks an endpoint for the header and the logs of a block.
func (c *Chain) blockLogsFrom(ctx context.Context, n client, f filter, number int64, hash string) (header, []markets.Raw, error) {
	var h header
	getBlock := blockByHash(hash, &h)
	var scans []*logScanner
	calls := []*call{getBlock}
	for _, query := range f.queries(n.Limits.Addresses(maxAddresses)) {
		query["blockHash"] = hash
		scan := new(logScanner)
		scans = append(scans, scan)
		calls = append(calls, &call{method: "eth_getLogs", params: []any{query}, result: scan.scan})
	}
	if err := n.send(ctx, calls...); err != nil {
		return header{}, nil, err
	}
	switch {
	case getBlock.err != nil:
		return header{}, nil, getBlock.err
	case h.hash == "":
		return header{}, nil, n.Errorf("%w: no block %s", chains.ErrReorganised, hash)
	case h.hash != hash || h.number != number:
		return header{}, nil, n.Malformed("asked for block %d %s, answered with %d %s", number, hash, h.number, h.hash)
	}
	c.headers.Add(hash, h)
	if err := firstError(calls[1:]); err != nil {
		return header{}, nil, err
	}
	var raws []markets.Raw
	for _, scan := range scans {
		if scan.null && (c.blooms.incomplete.Load() || f.mayContain(h.bloom)) { // else: how some nodes write that there are none
			return header{}, nil, n.Malformed("eth_getLogs of block %s: null", hash)
		}
		raws = append(raws, scan.raws...)
	}
	raws, err := verifyLogs(raws, f, number, number)
	if err != nil {
		return header{}, nil, n.Malformed("eth_getLogs of block %s: %w", hash, err)
	}
	if len(raws) > 0 && raws[0].Block != hash {
		return header{}, nil, n.Errorf("%w: logs of block %s instead of %s", chains.ErrReorganised, raws[0].Block, hash)
	}
	return h, raws, nil
}

// allLogs is all logs of a block, by its receipts, or where endpoints do not have
// these by eth_getLogs without a filter.
func (c *Chain) allLogs(ctx context.Context, number int64, hash string) (raws []markets.Raw, err error) {
	err = c.use(ctx, withBlock(number), func(ctx context.Context, n client) error {
		raws, err = c.receiptsFrom(ctx, n, number, hash)
		if err == nil || ctx.Err() != nil {
			return err
		}
		_, raws, err = c.blockLogsFrom(ctx, n, filter{}, number, hash)
		return err
	})
	return raws, err
}

const getBlockReceipts = "eth_getBlockReceipts"

// receiptsFrom asks an endpoint for the logs of a block by its receipts.
func (c *Chain) receiptsFrom(ctx context.Context, n client, number int64, hash string) ([]markets.Raw, error) {
	if n.Limits.Lacks(getBlockReceipts) {
		return nil, n.Errorf("%s: not available", getBlockReceipts)
	}
	var scan receiptsScanner
	get := &call{method: getBlockReceipts, params: []any{hash}, result: scan.scan}
	if err := n.do(ctx, get); err != nil {
		if class := endpoint.ClassOf(err); class == endpoint.MissingMethod || class == endpoint.RPC {
			n.Limits.MethodMissing(getBlockReceipts)
		}
		return nil, err
	}
	if scan.null {
		return nil, n.Malformed("%s of block %s: null", getBlockReceipts, hash)
	}
	renumber(scan.raws)
	raws, err := verifyLogs(scan.raws, filter{}, number, number)
	if err != nil {
		return nil, n.Malformed("%s of block %s: %w", getBlockReceipts, hash, err)
	}
	if len(raws) > 0 && raws[0].Block != hash {
		return nil, n.Errorf("%w: receipts of block %s instead of %s", chains.ErrReorganised, raws[0].Block, hash)
	}
	return raws, nil
}

// fetchRefusedBlock fetches the logs of a final block that an endpoint refused to answer even
// alone, as why says: by its receipts, or in parts of the filter.
func (c *Chain) fetchRefusedBlock(ctx context.Context, in interest, number int64, why error) (rangeLogs, error) {
	var h header
	err := c.use(ctx, withBlock(number), func(ctx context.Context, n client) (err error) {
		h, err = c.finalBlock(ctx, n, number)
		return err
	})
	if err != nil || h.hash == "" {
		return rangeLogs{}, why
	}
	if whole, err := c.allLogs(ctx, number, h.hash); err == nil {
		c.warnReadByReceipts(ctx, number, why)
		return rangeLogs{first: number, last: number, hash: h.hash, raws: in.all.matching(whole)}, nil
	}
	raws, err := c.fetchByHalves(ctx, in.all, number, h.hash)
	if err != nil {
		return rangeLogs{}, why
	}
	return rangeLogs{first: number, last: number, hash: h.hash, raws: raws}, nil
}

// warnEvery is how often it is said that blocks are read one by one.
const warnEvery = 5 * time.Minute

// warnReadByReceipts says that a block had to be read by its receipts, which is slow where it is
// more than a few.
func (c *Chain) warnReadByReceipts(ctx context.Context, number int64, why error) {
	if last, now := c.warned.Load(), time.Now().Unix(); last+int64(warnEvery.Seconds()) <= now && c.warned.CompareAndSwap(last, now) {
		c.cfg.Log.WarnContext(ctx, "eth_getLogs fails even for one block: it is read by its receipts", "block", number, "reason", why)
	}
}

// fetchByHalves fetches the logs of a block by parts of a filter, halved until they are
// answered.
func (c *Chain) fetchByHalves(ctx context.Context, f filter, number int64, hash string) ([]markets.Raw, error) {
	var all []markets.Raw
	for _, half := range f.halves() {
		var raws []markets.Raw
		err := c.use(ctx, withBlock(number), func(ctx context.Context, n client) (err error) {
			_, raws, err = c.blockLogsFrom(ctx, n, half, number, hash)
			return err
		})
		if err != nil && ctx.Err() == nil && half.divisible() {
			raws, err = c.fetchByHalves(ctx, half, number, hash)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, raws...)
	}
	return verifyLogs(all, f, number, number)
}
