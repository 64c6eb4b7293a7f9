package evm

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// TimeAt returns the time of a block.
func (c *Chain) TimeAt(ctx context.Context, at markets.Place) (time.Time, error) {
	if h, ok := c.headers.Get(at.Hash); ok && !h.Time.IsZero() {
		return h.Time, nil
	}
	times, err := c.fetchTimes(ctx, endpoint.Need{To: at.Seq}, []string{at.Hash})
	return times[at.Hash], err
}

// PlaceAt returns the block of a height that is final. Where heights have no blocks it is the
// newest one below.
func (c *Chain) PlaceAt(ctx context.Context, height int64) (markets.Place, error) {
	var h eth.Header
	err := c.use(ctx, endpoint.Need{To: height}, func(ctx context.Context, n jsonrpc.Client) (err error) {
		h, err = c.finalBlock(ctx, n, height)
		if err == nil && h.Hash == "" {
			err = fmt.Errorf("%w: no block %d", chains.ErrAhead, height)
		}
		return err
	})
	return markets.Place{Seq: height, Hash: h.Hash}, err
}
