package factories

import (
	"context"
	"fmt"
	"slices"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// load reads from the log which contracts were announced up to a place of the view's branch.
func (c *Chain) load(ctx context.Context, view *chains.View, at markets.Place) (Contracts, error) {
	if at.Hash == "" { // the stream's start
		return Contracts{}, nil
	}
	before, err := c.log(ctx)
	if err != nil {
		return Contracts{}, err
	}
	if err := c.covers(ctx, view, before.Place, at); err != nil {
		return Contracts{}, err
	}
	contracts, err := c.announced(ctx, at.Seq)
	if err != nil {
		return Contracts{}, err
	}
	// The log may have been rolled back while it was read, by this node or another one.
	after, err := c.log(ctx)
	if err != nil {
		return Contracts{}, err
	}
	if !advanced(before, after) {
		return Contracts{}, fmt.Errorf("%w: the log was changed while it was read", chains.ErrWaits)
	}
	return contracts, nil
}

// advanced says whether a log has stayed where it was, or has moved on from there: then its
// trail still has that place.
func advanced(before, after persistence.Actor) bool {
	return after.Place == before.Place || slices.Contains(after.Trail, before.Place)
}

// covers returns an error unless a log at a place is known to have all up to another place of the
// view's branch, and nothing else up to there.
func (c *Chain) covers(ctx context.Context, view *chains.View, log, at markets.Place) error {
	if sameBlock(log, at) {
		return nil
	}
	if log.Seq <= at.Seq {
		return fmt.Errorf("%w: the log is at %d", chains.ErrWaits, log.Seq)
	}
	on, ok, err := c.Chain.Ancestor(ctx, view, markets.Trail{log}, -1)
	if err != nil {
		return err
	}
	if !ok || on != log {
		return fmt.Errorf("%w: the log at %d is on another branch", chains.ErrWaits, log.Seq)
	}
	return nil
}

// log is the document of the log's observer, between two transitions.
func (c *Chain) log(ctx context.Context) (persistence.Actor, error) {
	filter := append(c.market.Documents(), persistence.Equals("stream", c.stream), persistence.Equals("kind", "observer"))
	observers, err := persistence.Collect[persistence.Actor](ctx, c.store, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: filter},
	})
	if err != nil {
		return persistence.Actor{}, err
	}
	for _, a := range observers {
		switch {
		case a.Documents:
		case a.Pending != nil:
			return a, fmt.Errorf("%w: the log is being rolled back", chains.ErrWaits)
		default:
			return a, nil
		}
	}
	return persistence.Actor{}, fmt.Errorf("%w: the log has not started", chains.ErrWaits)
}

// announced reads the contracts that the log has up to a seq.
func (c *Chain) announced(ctx context.Context, through int64) (Contracts, error) {
	var found []markets.Announcement
	for _, name := range c.factories.Names {
		filter := append(c.market.Documents(), persistence.Equals("factory", name), persistence.Equals("stream", c.stream),
			persistence.Compare{Path: "seq", Operator: persistence.LessOrEqual, Operand: through})
		log, err := persistence.Collect[markets.Activity](ctx, c.store, persistence.Query{
			Collection: persistence.Activities, Filter: persistence.Filter{Condition: filter},
		})
		if err != nil {
			return Contracts{}, err
		}
		for _, a := range log {
			found = append(found, a.Announcement())
		}
	}
	return Contracts{}.With(found...), nil
}
