package factories

import (
	"context"
	"fmt"
	"sync"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Chain is a chain that reads of streams with Factories what they read.
type Chain struct {
	chains.Chain
	name  string
	store persistence.Querier

	mu      sync.Mutex
	streams map[persistence.MarketRef]map[string]*stream // by market and name
}

// stream is what is known of one stream.
type stream struct {
	mu sync.Mutex
	memory
}

// NewChain returns a chain, of a name, that knows of the store's log which contracts were
// announced.
func NewChain(chain chains.Chain, name string, store persistence.Querier) *Chain {
	return &Chain{Chain: chain, name: name, store: store, streams: map[persistence.MarketRef]map[string]*stream{}}
}

// Unwrap returns the chain that reads all logs.
func (c *Chain) Unwrap() chains.Chain { return c.Chain }

// Read implements chains.Chain. ErrWaits: the log, which tells the announced contracts, is
// elsewhere.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	page, err := c.Chain.Read(ctx, view, source, after, through, limit)
	f := source.Factories
	if err != nil || f == nil || page.To == after {
		return page, err
	}
	if err := page.Check(after); err != nil {
		return chains.Page{}, err
	}
	s := c.stream(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.since(view.FinalityViolations)
	contracts, remembered := s.at(after)
	if !remembered || !current {
		if contracts, err = c.load(ctx, view, f, after); err != nil {
			return chains.Page{}, fmt.Errorf("the contracts announced up to %d: %w", after.Seq, err)
		}
	}
	page.Raws, contracts = Filter(f, contracts, page.Raws)
	if current {
		s.put(page.To, contracts)
	}
	return page, nil
}

// stream is the stream that has the factories.
func (c *Chain) stream(f *markets.Factories) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	ref := persistence.MarketRef{Chain: c.name, Market: f.Market}
	if c.streams[ref] == nil {
		c.streams[ref] = map[string]*stream{}
	}
	if c.streams[ref][f.Stream] == nil {
		c.streams[ref][f.Stream] = &stream{}
	}
	return c.streams[ref][f.Stream]
}
