package aptos

import (
	"context"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Since is the place before a handle's first event at or after a ledger version, found by
// bisection.
func (c *Chain) Since(ctx context.Context, source markets.Source, version int64) (markets.Place, error) {
	low, high := int64(-1), int64(1) // numbers of events: of earlier versions, and of later ones or none yet
	is := func(seq int64) (bool, error) {
		events, _, err := c.node.events(ctx, source, seq, 1)
		return err == nil && (len(events) == 0 || int64(events[0].Version) >= version), err
	}
	for {
		later, err := is(high - 1)
		if err != nil {
			return markets.Place{}, err
		}
		if later {
			high--
			break
		}
		low, high = high-1, 2*high
		if high > 1<<53 {
			return markets.Place{}, c.node.Errorf("%w: more than 2^53 events of %s", chains.ErrGap, source.Field)
		}
	}
	for low+1 < high {
		at := low + (high-low)/2
		later, err := is(at)
		switch {
		case err != nil:
			return markets.Place{}, err
		case later:
			high = at
		default:
			low = at
		}
	}
	return markets.Place{Seq: high - 1, Through: max(version-1, 0)}, nil
}
