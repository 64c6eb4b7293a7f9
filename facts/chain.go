package facts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Asker is a chain whose contracts can be asked.
type Asker interface {
	chains.Caller
	// TimeAt returns the time of a block.
	TimeAt(ctx context.Context, at markets.Place) (time.Time, error)
	// PlaceAt returns the block of a height that is final.
	PlaceAt(ctx context.Context, height int64) (markets.Place, error)
}

// Store is what facts are read with.
type Store interface {
	persistence.Querier
	persistence.OpenOrders
	persistence.SignedOrderStore
}

// Market is a market of which facts are read.
type Market struct {
	Ref       persistence.MarketRef
	Streams   []string           // the names of its other streams
	Contracts []string           // of Seaport, in EIP-55
	Known     []markets.Currency // those of the chain, its own coin among them
	Notifies  bool               // owners are told of bids for their tokens
}

// Chain is a chain that also reads the streams of facts.
type Chain struct {
	chains.Chain
	readers map[string]*reader // by the market's name
}

// NewChain returns a chain that reads the facts of markets on it. The id is the chain's, for
// which orders are signed.
func NewChain(chain chains.Chain, asker Asker, id uint64, store Store, all []Market, log *slog.Logger) *Chain {
	c := &Chain{Chain: chain, readers: map[string]*reader{}}
	for _, m := range all {
		c.readers[m.Ref.Market] = newReader(m, asker, id, store, log.With("chain", m.Ref.Chain, "market", m.Ref.Market))
	}
	return c
}

// Stream is the stream of a market's facts.
func (m Market) Stream() markets.Stream { return streamOf(m.Ref.Market, m.Contracts, m.Notifies) }

// Unwrap returns the chain without its facts.
func (c *Chain) Unwrap() chains.Chain { return c.Chain }

// Read implements chains.Chain.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if source.Facts == "" {
		return c.Chain.Read(ctx, view, source, after, through, limit)
	}
	r, ok := c.readers[source.Facts]
	if !ok {
		return chains.Page{}, fmt.Errorf("the facts of the market %s are not read", source.Facts)
	}
	page, err := r.read(ctx, view, after, limit)
	var wait notYet
	if errors.As(err, &wait) {
		err = fmt.Errorf("%w: %w", chains.ErrWaits, err)
	}
	return page, err
}

// notYet is what a stream of facts waits for.
type notYet string

// Error implements error.
func (w notYet) Error() string { return string(w) }
