package facts

import (
	"context"

	"github.com/imart/event-worker/markets"
)

// Inquirer asks contracts about orders as the reader of facts does, as of any block.
type Inquirer struct {
	contracts *contracts
}

// NewInquirer returns an Inquirer for the chain with a chain id.
func NewInquirer(asker Asker, id uint64) *Inquirer { return &Inquirer{newContracts(asker, id)} }

// Ask returns the fact of each order as of the end of a block. Its errors are those of
// chains.Caller.
func (q *Inquirer) Ask(ctx context.Context, at markets.Place, orders []markets.Order) ([]markets.Fact, error) {
	now, err := q.contracts.asker.TimeAt(ctx, at)
	if err != nil {
		return nil, err
	}
	return q.contracts.facts(ctx, block{Place: at, time: now}, orders)
}
