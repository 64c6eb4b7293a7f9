package evm

import (
	"cmp"
	"context"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/backfill"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// blockLogs returns the logs of one block for all sources. However many streams ask, the
// endpoints are asked once; not at all if the block's bloom excludes the logs.
func (c *Chain) blockLogs(ctx context.Context, number int64, hash string) ([]markets.Raw, error) {
	if raws, ok := c.blocks.Get(hash); ok {
		return raws, nil
	}
	if h, ok := c.headers.Get(hash); ok && c.blooms.trusted() && !c.mayContain(h.Bloom) {
		return nil, nil
	}
	// The fetch serves others, too: it must not end with this context.
	flight := c.flights.DoChan(hash, func() (any, error) {
		if raws, ok := c.blocks.Get(hash); ok { // by the previous flight
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
func (c *Chain) mayContain(b eth.Bloom) bool {
	for _, f := range c.filters {
		if f.MayContain(b) {
			return true
		}
	}
	return false
}

// fetchBlockLogs fetches the logs of one block together with its header, which proves that the
// endpoint has the block.
func (c *Chain) fetchBlockLogs(ctx context.Context, number int64, hash string) (raws []markets.Raw, err error) {
	err = c.use(ctx, withBlock(number), func(ctx context.Context, n jsonrpc.Client) error {
		var h eth.Header
		h, raws, err = c.blockLogsFrom(ctx, n, c.all, number, hash)
		if err != nil {
			return err
		}
		if raws, err = c.reconcile(ctx, n, c.allSources(), h, raws); err != nil {
			return err
		}
		for i := range raws {
			raws[i].Time = cmp.Or(raws[i].Time, h.Time)
		}
		return nil
	})
	if refusal := endpoint.RefusalOf(err); err != nil && ctx.Err() == nil && refusal.IsSize() {
		whole, wholeErr := c.fetchRefusedBlock(ctx, c.allSources(), number, err)
		if wholeErr != nil || whole.Hash != hash {
			return nil, err
		}
		return whole.Raws, c.fillTimes(ctx, whole.Raws)
	}
	return raws, err
}

// allSources is the interest of all sources.
func (c *Chain) allSources() eth.Interest { return eth.Interest{All: c.all, Each: c.filters} }

// blockLogsFrom asks one endpoint for the header and the logs of a block.
func (c *Chain) blockLogsFrom(ctx context.Context, n jsonrpc.Client, f eth.Filter, number int64, hash string) (eth.Header, []markets.Raw, error) {
	var h eth.Header
	getBlock := eth.BlockByHash(hash, &h)
	calls, scans := logCalls(n, f, hash)
	if err := n.Send(ctx, append([]*jsonrpc.Call{getBlock}, calls...)...); err != nil {
		return eth.Header{}, nil, err
	}
	switch {
	case getBlock.Err != nil:
		return eth.Header{}, nil, getBlock.Err
	case h.Hash == "":
		return eth.Header{}, nil, n.Errorf("%w: no block %s", chains.ErrReorganised, hash)
	case h.Hash != hash || h.Number != number:
		return eth.Header{}, nil, n.Malformed("asked for block %d %s, answered with %d %s", number, hash, h.Number, h.Hash)
	}
	if err := jsonrpc.FirstError(calls); err != nil {
		c.headers.Add(hash, h)
		return eth.Header{}, nil, err
	}
	raws, err := c.logsOfBlock(n, f, h, scans)
	if err != nil {
		return eth.Header{}, nil, err
	}
	return h, raws, nil
}

// logCalls are the calls for a block's logs.
func logCalls(n jsonrpc.Client, f eth.Filter, hash string) (calls []*jsonrpc.Call, scans []*eth.LogScanner) {
	for _, query := range f.Queries(n.Limits.Addresses(maxAddresses)) {
		query["blockHash"] = hash
		scan := new(eth.LogScanner)
		scans = append(scans, scan)
		calls = append(calls, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{query}, Result: scan.Scan})
	}
	return calls, scans
}

// logsOfBlock checks that logs are of the filter and of the block of a header.
func (c *Chain) logsOfBlock(n jsonrpc.Client, f eth.Filter, h eth.Header, scans []*eth.LogScanner) ([]markets.Raw, error) {
	c.headers.Add(h.Hash, h)
	var raws []markets.Raw
	for _, scan := range scans {
		if scan.Null && (c.blooms.incomplete.Load() || f.MayContain(h.Bloom)) { // else: how some nodes write an empty list
			return nil, n.Malformed("eth_getLogs of block %s: null", h.Hash)
		}
		raws = append(raws, scan.Raws...)
	}
	raws, err := eth.VerifyLogs(raws, f, h.Number, h.Number)
	if err != nil {
		return nil, n.Malformed("eth_getLogs of block %s: %w", h.Hash, err)
	}
	if len(raws) > 0 && raws[0].Block != h.Hash {
		return nil, n.Errorf("%w: logs of block %s instead of %s", chains.ErrReorganised, raws[0].Block, h.Hash)
	}
	return raws, nil
}

// allLogs returns all logs of a block: from its receipts or, where endpoints cannot give
// these, from eth_getLogs without a filter.
func (c *Chain) allLogs(ctx context.Context, number int64, hash string) (raws []markets.Raw, err error) {
	err = c.use(ctx, withBlock(number), func(ctx context.Context, n jsonrpc.Client) error {
		raws, err = c.receiptsFrom(ctx, n, number, hash)
		if err == nil || ctx.Err() != nil {
			return err
		}
		_, raws, err = c.blockLogsFrom(ctx, n, eth.Filter{}, number, hash)
		return err
	})
	return raws, err
}

const getBlockReceipts = "eth_getBlockReceipts"

// receiptsFrom asks one endpoint for the logs of a block by its receipts.
func (c *Chain) receiptsFrom(ctx context.Context, n jsonrpc.Client, number int64, hash string) ([]markets.Raw, error) {
	if n.Limits.LacksMethod(getBlockReceipts) {
		return nil, n.Errorf("%s: not available", getBlockReceipts)
	}
	var scan eth.ReceiptsScanner
	get := &jsonrpc.Call{Method: getBlockReceipts, Params: []any{hash}, Result: scan.Scan}
	if err := n.Do(ctx, get); err != nil {
		if class := endpoint.ClassOf(err); class == endpoint.MissingMethod || class == endpoint.RPC {
			n.Limits.MarkMethodMissing(getBlockReceipts)
		}
		return nil, err
	}
	if scan.Null {
		return nil, n.Malformed("%s of block %s: null", getBlockReceipts, hash)
	}
	eth.Renumber(scan.Raws)
	raws, err := eth.VerifyLogs(scan.Raws, eth.Filter{}, number, number)
	if err != nil {
		return nil, n.Malformed("%s of block %s: %w", getBlockReceipts, hash, err)
	}
	if len(raws) > 0 && raws[0].Block != hash {
		return nil, n.Errorf("%w: receipts of block %s instead of %s", chains.ErrReorganised, raws[0].Block, hash)
	}
	return raws, nil
}

// fetchRefusedBlock fetches the logs of a final block for which eth_getLogs is refused even
// alone, with the error why: from its receipts, or with ever smaller filters.
func (c *Chain) fetchRefusedBlock(ctx context.Context, in eth.Interest, number int64, why error) (backfill.Range, error) {
	var h eth.Header
	err := c.use(ctx, withBlock(number), func(ctx context.Context, n jsonrpc.Client) (err error) {
		h, err = c.finalBlock(ctx, n, number)
		return err
	})
	if err != nil || h.Hash == "" {
		return backfill.Range{}, why
	}
	if whole, err := c.allLogs(ctx, number, h.Hash); err == nil {
		c.warnReadByReceipts(ctx, number, why)
		return backfill.Range{First: number, Last: number, Hash: h.Hash, Raws: in.All.Matching(whole)}, nil
	}
	raws, err := c.fetchByHalves(ctx, in.All, number, h.Hash)
	if err != nil {
		return backfill.Range{}, why
	}
	return backfill.Range{First: number, Last: number, Hash: h.Hash, Raws: raws}, nil
}

// warnEvery is the least time between two warnings of blocks that are read by receipts.
const warnEvery = 5 * time.Minute

// warnReadByReceipts warns that a block was read by its receipts, which is slow if it is more
// than a few.
func (c *Chain) warnReadByReceipts(ctx context.Context, number int64, why error) {
	if last, now := c.warned.Load(), time.Now().Unix(); last+int64(warnEvery.Seconds()) <= now && c.warned.CompareAndSwap(last, now) {
		c.cfg.Log.WarnContext(ctx, "eth_getLogs fails even for a single block: reading its receipts instead", "block", number, "reason", why)
	}
}

// fetchByHalves fetches the logs of a block with the filter halved until it is answered.
func (c *Chain) fetchByHalves(ctx context.Context, f eth.Filter, number int64, hash string) ([]markets.Raw, error) {
	var all []markets.Raw
	for _, half := range f.Halves() {
		var raws []markets.Raw
		err := c.use(ctx, withBlock(number), func(ctx context.Context, n jsonrpc.Client) (err error) {
			_, raws, err = c.blockLogsFrom(ctx, n, half, number, hash)
			return err
		})
		if err != nil && ctx.Err() == nil && half.Divisible() {
			raws, err = c.fetchByHalves(ctx, half, number, hash)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, raws...)
	}
	return eth.VerifyLogs(all, f, number, number)
}
