package evm

import (
	"cmp"
	"context"
	"errors"

	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// LogsAt implements chains.Caller. Where eth_getLogs is refused for its size, the block's
// receipts are read instead.
func (c *Chain) LogsAt(ctx context.Context, at markets.Place, topics []string) ([]markets.Raw, error) {
	f, err := eth.NewFilter(markets.Source{Topics: topics})
	switch {
	case err != nil:
		return nil, err
	case len(topics) == 0:
		return nil, errors.New("all logs of a block: no topic is named")
	}
	var raws []markets.Raw
	err = c.use(ctx, endpoint.Need{From: at.Seq, To: at.Seq}, func(ctx context.Context, n jsonrpc.Client) (err error) {
		raws, err = c.logsAtFrom(ctx, n, at, f)
		return err
	})
	if err != nil && ctx.Err() == nil && endpoint.RefusalOf(err).IsSize() {
		whole, wholeErr := c.allLogs(ctx, at.Seq, at.Hash)
		if wholeErr != nil {
			return nil, err
		}
		raws = f.Matching(whole)
		return raws, c.fillTimes(ctx, raws)
	}
	return raws, err
}

// logsAtFrom asks one endpoint for the logs of a block, together with the header at the
// block's height. No logs are not believed where the header's bloom has one of the topics; of
// other answers blooms tell too little, as those of busy blocks have most topics.
func (c *Chain) logsAtFrom(ctx context.Context, n jsonrpc.Client, at markets.Place, f eth.Filter) ([]markets.Raw, error) {
	var h eth.Header
	getBlock := eth.BlockByNumber(eth.Quantity(at.Seq), &h)
	calls, scans := logCalls(n, f, at.Hash)
	if err := n.Send(ctx, append([]*jsonrpc.Call{getBlock}, calls...)...); err != nil {
		return nil, err
	}
	h, err := c.checkOnChain(ctx, n, at, getBlock.Err, h)
	switch {
	case err != nil:
		return nil, err
	case h.Number < at.Seq: // a height without a block
		return nil, nil
	}
	if err := jsonrpc.FirstError(calls); err != nil {
		return nil, err
	}
	raws, err := c.logsOfBlock(n, f, h, scans)
	if err == nil && len(raws) == 0 {
		raws, err = c.reconcile(ctx, n, eth.Interest{All: f, Each: map[string]eth.Filter{"": f}}, h, raws)
	}
	for i := range raws {
		raws[i].Time = cmp.Or(raws[i].Time, h.Time)
	}
	return raws, err
}
