package evm

import (
	"context"
	"slices"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/markets"
)

// Ancestor implements chains.Chain.
func (c *Chain) Ancestor(ctx context.Context, view *chains.View, trail markets.Trail, final int64) (place markets.Place, ok bool, err error) {
	err = c.use(ctx, withBlock(view.Head.Seq), func(ctx context.Context, n jsonrpc.Client) (err error) {
		place, ok, err = c.ancestor(ctx, n, view, trail, final)
		return err
	})
	if err != nil {
		return markets.Place{}, false, err
	}
	return place, ok, nil
}

func (c *Chain) ancestor(ctx context.Context, n jsonrpc.Client, view *chains.View, trail markets.Trail, final int64) (markets.Place, bool, error) {
	var below []markets.Place // newest first
	for _, place := range slices.Backward(trail) {
		switch view.Stand(place) {
		case chains.Ahead:
			return markets.Place{}, false, n.Errorf("%w: stream at block %d, head at %d", chains.ErrAhead, place.Seq, view.Head.Seq)
		case chains.On:
			if len(below) == 0 {
				return place, true, nil
			}
			below = append(below, place) // a stream's start
		case chains.Below:
			below = append(below, place)
		}
	}
	// The newest is nearly always on the chain: ask for it alone at first.
	var off *violation // the newest final place that is not on the chain
	for size := 1; len(below) > 0; size = c.cfg.MaxBatch {
		size = min(size, len(below))
		found, gone, err := c.newestOnChain(ctx, n, below[:size])
		if err != nil {
			return markets.Place{}, false, err
		}
		for i := range gone {
			if off == nil && gone[i].height <= final {
				off = &gone[i]
			}
		}
		if found != nil {
			return *found, true, c.checkRollback(ctx, n, off, *found)
		}
		below = below[size:]
	}
	return markets.Place{}, false, c.checkRollback(ctx, n, off, markets.Place{})
}

// checkRollback returns an error while a stream must not go back below finality: the violation
// is not confirmed, or the endpoint cannot serve again what was read since.
func (c *Chain) checkRollback(ctx context.Context, n jsonrpc.Client, off *violation, to markets.Place) error {
	if off == nil {
		return nil
	}
	if !c.violations.recentlyConfirmed(time.Now()) {
		if err := c.confirmViolation(ctx, n, *off); err != nil {
			return err
		}
	}
	_, err := c.sampleHistory(ctx, n, to.Seq+1, off.height)
	if err == nil { // they may be of the abandoned branch
		c.backfill.Reset()
	}
	return err
}

// newestOnChain returns the first of the places that is on the chain, and the violations that
// those before it are.
func (c *Chain) newestOnChain(ctx context.Context, n jsonrpc.Client, places []markets.Place) (*markets.Place, []violation, error) {
	headers := make([]eth.Header, len(places))
	var calls []*jsonrpc.Call
	for i, place := range places {
		if place.Hash != "" {
			calls = append(calls, eth.BlockByNumber(eth.Quantity(place.Seq), &headers[i]))
		}
	}
	if err := n.Do(ctx, calls...); err != nil {
		return nil, nil, err
	}
	var gone []violation
	for i, place := range places {
		h := headers[i]
		if place.Hash != "" && h.Hash == "" { // a final height without a block
			below, err := c.blockAtOrBelow(ctx, n, place.Seq)
			if err != nil {
				return nil, nil, err
			}
			h = below
		}
		if place.Hash == "" || h.Hash == place.Hash {
			c.violations.resolve(ctx, c.cfg.Log, place.Hash)
			return &places[i], gone, nil
		}
		gone = append(gone, violation{place.Seq, place.Hash, h.Hash})
	}
	return nil, gone, nil
}
