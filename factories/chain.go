package factories

import (
	"context"
	"fmt"
	"sync"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Chain is a chain as one stream with Factories reads it. It is made for one run of the stream:
// between two runs the log may be decoded again.
type Chain struct {
	chains.Chain
	factories *markets.Factories
	market    persistence.MarketRef
	stream    string
	store     persistence.Querier

	mu     sync.Mutex
	memory memory
}

// NewChain returns a chain that a stream of a market reads; the chain itself if the stream has
// no factories. The store has the stream's log.
func NewChain(chain chains.Chain, market persistence.MarketRef, s markets.Stream, store persistence.Querier) chains.Chain {
	if s.Source.Factories == nil {
		return chain
	}
	return &Chain{Chain: chain, factories: s.Source.Factories, market: market, stream: s.Name, store: store}
}

// Read implements chains.Chain. ErrWaits: the log, which tells the announced contracts, is
// elsewhere.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	page, err := c.Chain.Read(ctx, view, source, after, through, limit)
	if err != nil || page.To == after {
		return page, err
	}
	if err := page.Check(after); err != nil {
		return chains.Page{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	current := c.memory.since(view.FinalityViolations)
	contracts, remembered := c.memory.at(after)
	if !remembered || !current {
		if contracts, err = c.load(ctx, view, after); err != nil {
			return chains.Page{}, fmt.Errorf("the contracts announced up to %d: %w", after.Seq, err)
		}
	}
	page.Raws, contracts = Filter(c.factories, contracts, page.Raws)
	if current {
		c.memory.put(page.To, contracts)
	}
	return page, nil
}
