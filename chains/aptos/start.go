package aptos

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// startPlace is the place from which a handle is read: after itself or, if nothing was read
// yet and the source begins at a ledger version, the place before the first event from there
// on.
func (c *Chain) startPlace(ctx context.Context, source markets.Source, after markets.Place) (markets.Place, error) {
	if after.Seq >= 0 || source.From == 0 || after.Through >= source.From {
		return after, nil
	}
	before, err := c.countBefore(ctx, source)
	if err != nil {
		return after, err
	}
	return markets.Place{Seq: before - 1, Through: source.From - 1}, nil
}

// countBefore counts a handle's events before the source's first version: by the handle's
// counter as of then or, where the node has pruned that, by bisection.
func (c *Chain) countBefore(ctx context.Context, source markets.Source) (int64, error) {
	count, err := c.node.counter(ctx, source, source.From-1)
	_, missing := errors.AsType[*missingError](err)
	switch {
	case err == nil:
		return count, nil
	case missing: // there was no handle
		return 0, nil
	case !errors.Is(err, chains.ErrPruned):
		return 0, err
	}
	newest, _, err := c.node.events(ctx, endpoint.Need{}, source, -1, 1, nil)
	_, missing = errors.AsType[*missingError](err)
	pruned, isPruned := errors.AsType[*prunedError](err)
	switch {
	case missing, err == nil && len(newest) == 0:
		return 0, nil
	case isPruned && pruned.oldest > 0 && pruned.oldest <= source.From: // all of them
		return c.node.counter(ctx, source, -1)
	case err != nil:
		return 0, err
	}
	last := int64(newest[0].Sequence)
	if int64(newest[0].Version) < source.From {
		return last + 1, nil
	}
	first, err := c.bisect(ctx, source, -1, last, func(e *event) bool { return e != nil && int64(e.Version) >= source.From })
	if err != nil {
		return 0, err
	}
	if p := first.pruned; p != nil && first.version > source.From && (p.oldest <= 0 || p.oldest > source.From) {
		return 0, first.error(c, source)
	}
	return first.seq, nil
}

// boundary is the first event for which a condition of a bisection holds.
type boundary struct {
	seq, version int64        // the version is -1 if there is no such event yet
	pruned       *prunedError // the node does not have the event before it any more
}

// bisect finds the first number after low for which the condition holds; it must hold for
// high. The condition is given the event of the number, nil if there is none yet; for pruned
// events it does not hold.
func (c *Chain) bisect(ctx context.Context, source markets.Source, low, high int64, holds func(*event) bool) (boundary, error) {
	at := boundary{seq: high}
	for {
		e, pruned, err := c.eventAt(ctx, source, at.seq)
		switch {
		case err != nil:
			return boundary{}, err
		case pruned == nil && holds(e):
			high, at.version = at.seq, -1
			if e != nil {
				at.version = int64(e.Version)
			}
		default:
			low, at.pruned = at.seq, pruned
		}
		if low+1 >= high {
			at.seq = high
			return at, nil
		}
		at.seq = low + (high-low)/2
	}
}

// eventAt returns a handle's event of a number: nil if there is none yet, and a prunedError if
// it is pruned.
func (c *Chain) eventAt(ctx context.Context, source markets.Source, seq int64) (*event, *prunedError, error) {
	events, _, err := c.node.events(ctx, endpoint.Need{}, source, seq, 1, nil)
	if pruned, ok := errors.AsType[*prunedError](err); ok {
		return nil, pruned, nil
	}
	if err != nil || len(events) == 0 {
		return nil, nil, err
	}
	return &events[0], nil, nil
}

// prunedEvents is what was found of a handle's pruned events.
type prunedEvents struct {
	start int64 // the number that was asked for
	first int64 // the first event left
	until time.Time
	err   error
}

// prunedTTL is how long that is believed.
const prunedTTL = 10 * time.Minute

// firstAvailable returns the error of a handle whose events from a number on are pruned: it
// says which is the first event left.
func (c *Chain) firstAvailable(ctx context.Context, source markets.Source, start int64, cause error) error {
	r := c.stateOf(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.pruned; g != nil && g.start <= start && start < g.first && time.Now().Before(g.until) {
		return g.err
	}
	low, high := start, start+1
	for {
		_, pruned, err := c.eventAt(ctx, source, high)
		if err != nil || high > math.MaxInt64/4 {
			return cause
		}
		if pruned == nil {
			break
		}
		low, high = high, start+2*(high-start)
	}
	first, err := c.bisect(ctx, source, low, high, func(*event) bool { return true })
	if err != nil {
		return cause
	}
	first.pruned, _ = errors.AsType[*prunedError](cause)
	r.pruned = &prunedEvents{start, first.seq, time.Now().Add(prunedTTL), first.error(c, source)}
	return r.pruned.err
}

// isKnownPruned says whether an event is known to be pruned.
func (c *Chain) isKnownPruned(source markets.Source, seq int64) bool {
	r := c.stateOf(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.pruned
	return g != nil && g.start <= seq && seq < g.first && time.Now().Before(g.until)
}

// error says which is the first event left, and what to do.
func (f boundary) error(c *Chain, source markets.Source) error {
	const remedy = "configure an endpoint with the whole history, or set the market's start to"
	if f.version < 0 {
		return c.node.Errorf("%w: of %s none of the %d events is left: %s a ledger version that the endpoint has: %w", chains.ErrPruned, source.Field, f.seq, remedy, f.pruned.err)
	}
	return c.node.Errorf("%w: of %s the first event left is number %d of ledger version %d: %s %d: %w",
		chains.ErrPruned, source.Field, f.seq, f.version, remedy, f.version, f.pruned.err)
}

// Since returns the place before a handle's first event at or after a ledger version.
func (c *Chain) Since(ctx context.Context, source markets.Source, version int64) (markets.Place, error) {
	source.From = version
	return c.startPlace(ctx, source, markets.Place{Seq: -1})
}
