package evm

import (
	"context"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/backfill"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// endpointWindows is the chain as the source of the backfill's windows.
type endpointWindows struct{ *Chain }

func (c endpointWindows) FetchRange(ctx context.Context, in eth.Interest, first, last int64) (backfill.Range, error) {
	return c.fetchRange(ctx, in, first, last)
}

func (c endpointWindows) Fetched(ctx context.Context, last markets.Raw) { c.probeBlooms(ctx, last) }

func (c endpointWindows) FillTimes(ctx context.Context, raws []markets.Raw) error {
	return c.fillTimes(ctx, raws)
}

func (c endpointWindows) FinalityInDoubt() bool { return c.violations.pending() }

func (c endpointWindows) LargestRange(wanted int64) int64 {
	most := int64(1)
	for _, e := range c.pool.All() {
		most = max(most, e.Limits.Blocks(wanted))
	}
	return most
}

func (c endpointWindows) Headers(ctx context.Context, lower, upper int64) (low, high eth.Header, err error) {
	err = c.use(ctx, withBlock(upper), func(ctx context.Context, n jsonrpc.Client) error {
		return n.Do(ctx, eth.BlockByNumber(eth.Quantity(lower), &low), eth.BlockByNumber(eth.Quantity(upper), &high))
	})
	return low, high, err
}

func (c endpointWindows) HeadersBelow(ctx context.Context, block markets.Place, heights []int64) (headers []eth.Header, from *endpoint.Endpoint, err error) {
	headers = make([]eth.Header, len(heights))
	err = c.use(ctx, withBlock(block.Seq), func(ctx context.Context, n jsonrpc.Client) (err error) {
		from = n.Endpoint
		var id int64
		var upper eth.Header
		calls := []*jsonrpc.Call{eth.ChainID(&id), eth.BlockByNumber(eth.Quantity(block.Seq), &upper)}
		for i := range headers {
			calls = append(calls, eth.BlockByNumber(eth.Quantity(heights[i]), &headers[i]))
		}
		if err := n.Do(ctx, calls...); err != nil {
			return err
		}
		if err := c.checkChainID(n, id); err != nil {
			return err
		}
		if upper.Hash != "" && upper.Hash != block.Hash {
			return n.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, block.Seq, block.Hash)
		}
		if headers[0].Hash == "" {
			headers[0], err = c.blockAtOrBelow(ctx, n, heights[0])
		}
		return err
	})
	return headers, from, err
}
