package aptos

import (
	"context"

	"github.com/imart/event-worker/markets"
)

// Since is the place before a handle's first event at or after a ledger version.
func (c *Chain) Since(ctx context.Context, source markets.Source, version int64) (markets.Place, error) {
	source.From = version
	return c.startPlace(ctx, source, markets.Place{Seq: -1})
}
