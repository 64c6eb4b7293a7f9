package evm

import (
	"context"
	"slices"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Ancestor implements chains.Chain.
func (c *Chain) Ancestor(ctx context.Context, view *chains.View, trail markets.Trail, _ int64) (markets.Place, bool, error) {
	if err := c.check(ctx); err != nil {
		return markets.Place{}, false, err
	}
	var below []markets.Place // newest first
	for _, place := range slices.Backward(trail) {
		switch view.Stand(place) {
		case chains.Ahead:
			return markets.Place{}, false, c.node.Errorf("%w: place at block %d, head at %d", chains.ErrAhead, place.Seq, view.Head.Seq)
		case chains.On:
			if len(below) == 0 {
				return place, true, nil
			}
			below = append(below, place) // a stream's start
		case chains.Below:
			below = append(below, place)
		}
	}
	// The newest one is nearly always on the chain: ask for it alone at first.
	for n := 1; len(below) > 0; n = maxBatch {
		n = min(n, len(below))
		place, ok, err := c.newestOnChain(ctx, below[:n])
		if ok || err != nil {
			return place, ok, err
		}
		below = below[n:]
	}
	return markets.Place{}, false, nil
}

// newestOnChain returns the first of the places that lies on the chain.
func (c *Chain) newestOnChain(ctx context.Context, places []markets.Place) (markets.Place, bool, error) {
	headers := make([]header, len(places))
	var calls []*call
	for i, place := range places {
		if place.Hash != "" {
			calls = append(calls, blockByNumber(quantity(place.Seq), &headers[i]))
		}
	}
	if len(calls) > 0 {
		if err := c.node.do(ctx, calls...); err != nil {
			return markets.Place{}, false, err
		}
	}
	for i, place := range places {
		switch h := headers[i]; {
		case place.Hash == "":
			return place, true, nil
		case h.hash == "": // final, so that it must be there
			return markets.Place{}, false, c.node.Errorf("%w: no block %d", chains.ErrAhead, place.Seq)
		case h.hash == place.Hash && h.number == place.Seq:
			return place, true, nil
		}
	}
	return markets.Place{}, false, nil
}
