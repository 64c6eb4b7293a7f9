package evm

import (
	"context"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// endpointWindows is the chain as the source of the backfill's windows.
type endpointWindows struct{ *Chain }

func (c endpointWindows) FetchRange(ctx context.Context, in interest, first, last int64) (rangeLogs, error) {
	return c.fetchRange(ctx, in, first, last)
}

func (c endpointWindows) Fetched(ctx context.Context, raws []markets.Raw) { c.probeBlooms(ctx, raws) }

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

func (c endpointWindows) Headers(ctx context.Context, lower, upper int64) (low, high header, err error) {
	err = c.use(ctx, withBlock(upper), func(ctx context.Context, n client) error {
		return n.do(ctx, blockByNumber(quantity(lower), &low), blockByNumber(quantity(upper), &high))
	})
	return low, high, err
}

func (c endpointWindows) HeadersBelow(ctx context.Context, block markets.Place, heights []int64) (headers []header, from *endpoint.Endpoint, err error) {
	headers = make([]header, len(heights))
	err = c.use(ctx, withBlock(block.Seq), func(ctx context.Context, n client) (err error) {
		from = n.Endpoint
		var id int64
		var upper header
		calls := []*call{chainID(&id), blockByNumber(quantity(block.Seq), &upper)}
		for i := range headers {
			calls = append(calls, blockByNumber(quantity(heights[i]), &headers[i]))
		}
		if err := n.do(ctx, calls...); err != nil {
			return err
		}
		if err := c.checkChainID(n, id); err != nil {
			return err
		}
		if upper.hash != "" && upper.hash != block.Hash {
			return n.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, block.Seq, block.Hash)
		}
		if headers[0].hash == "" {
			headers[0], err = c.blockAtOrBelow(ctx, n, heights[0])
		}
		return err
	})
	return headers, from, err
}
