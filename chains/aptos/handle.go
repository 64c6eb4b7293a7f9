package aptos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// handleState is what is known of a handle from reading it.
type handleState struct {
	mu               sync.Mutex
	pagesAhead       int64         // pages to ask for together
	shortPage        int64         // events on the last page, if that was short
	shortPageVersion int64         // its ledger version
	counterAgreed    bool          // an empty page agreed with the handle's counter
	missingLogged    bool          // that the handle does not exist yet
	pruned           *prunedEvents // nil if unknown
	of               *handle
}

// stateOf returns the state of a source's handle.
func (c *Chain) stateOf(source markets.Source) *handleState {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := source.Account + "/" + source.Handle + "/" + source.Field
	if c.handles[key] == nil {
		c.handles[key] = &handleState{pagesAhead: 1}
	}
	return c.handles[key]
}

// readHandle reads a handle's events after a place: by the REST API or, if the node has pruned
// them, from the transaction stream if there is one.
func (c *Chain) readHandle(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through, limit int64) (chains.Page, error) {
	if through >= 0 && through < after.Seq {
		return chains.Page{To: after}, nil
	}
	from, err := c.startPlace(ctx, source, after)
	switch {
	case errors.Is(err, chains.ErrPruned) && c.stream.usable():
		return c.readHistory(ctx, view, source, markets.Place{Seq: -1, Through: max(after.Through, source.From-1)}, through, limit)
	case err != nil:
		return chains.Page{}, err
	case through >= 0 && through < from.Seq: // the start is after it
		return chains.Page{To: markets.Place{Seq: through, Through: after.Through}}, nil
	}
	streams := (from.Through > 0 || source.From > 0) && c.stream.usable()
	if streams && c.isKnownPruned(source, from.Seq+1) {
		return c.readHistory(ctx, view, source, from, through, limit)
	}
	page, err := c.readPages(ctx, source, from, through, limit)
	pruned, isPruned := errors.AsType[*prunedError](err)
	switch {
	case !isPruned:
		return page, err
	case streams:
		_ = c.firstAvailable(ctx, source, from.Seq+1, pruned) // so that the next reads know
		return c.readHistory(ctx, view, source, from, through, limit)
	}
	return chains.Page{}, c.firstAvailable(ctx, source, from.Seq+1, pruned)
}

// readPages reads a handle's events after a place by the REST API.
func (c *Chain) readPages(ctx context.Context, source markets.Source, from markets.Place, through, limit int64) (chains.Page, error) {
	if through >= 0 {
		limit = min(limit, through-from.Seq+1) // the event after through bounds Through
	}
	s, err := c.fetchEvents(ctx, source, from, limit)
	if missing, ok := errors.AsType[*missingError](err); ok {
		return c.readMissingHandle(ctx, source, from, missing)
	}
	if err != nil {
		return chains.Page{}, err
	}
	raws, err := c.joinEvents(ctx, s.events[:countThrough(s.events, through)])
	if err != nil {
		return chains.Page{}, err
	}
	return chains.Page{To: s.place(from, len(raws)), Raws: raws}, nil
}

// place is the place after the first n events of the run: up to the version before the next
// event; up to the version of the answer, if that was empty; else up to the version before the
// last event, whose transaction may hold more.
func (s eventRun) place(from markets.Place, n int) markets.Place {
	to := from
	switch {
	case n < len(s.events):
		to.Through = int64(s.events[n].Version) - 1
	case s.empty:
		to.Through = s.version
	case n > 0:
		to.Through = int64(s.events[n-1].Version) - 1
	}
	to.Through = max(to.Through, from.Through)
	if n > 0 {
		to.Seq = int64(s.events[n-1].Sequence)
	}
	return to
}

// readMissingHandle returns the page of a handle that does not exist yet: it is empty up to
// the ledger version of the node's answer. That is believed only if the handle's resource is
// missing, too, as what is empty is never read again.
func (c *Chain) readMissingHandle(ctx context.Context, source markets.Source, from markets.Place, missing *missingError) (chains.Page, error) {
	if from.Seq >= 0 {
		return chains.Page{}, fmt.Errorf("handle %s, read up to event %d, is gone: %w", source.Field, from.Seq, missing)
	}
	version := missing.version
	if version < 0 { // the node's other answers have versions: what is missing now was missing then
		var err error
		if version, err = c.node.ledgerVersion(ctx); err != nil {
			return chains.Page{}, err
		}
		if _, _, err = c.node.events(ctx, needAfter(from), source, 0, 1, nil); !errors.As(err, &missing) {
			return chains.Page{To: from}, err
		}
	}
	if version < from.Through {
		return chains.Page{}, c.node.Errorf("%w: ledger at version %d, stream at %d", chains.ErrAhead, version, from.Through)
	}
	if _, err := c.node.counter(ctx, source, version); !errors.As(err, &missing) && !errors.Is(err, chains.ErrPruned) {
		return chains.Page{}, cmp.Or(err, c.node.Errorf("handle %s was reported missing, but its resource exists: %w", source.Field, missing))
	}
	r := c.stateOf(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.missingLogged {
		r.missingLogged = true
		c.log.Info("the event handle does not exist yet", "account", source.Account, "handle", source.Handle, "field", source.Field)
	}
	return chains.Page{To: markets.Place{Seq: from.Seq, Through: version}}, nil
}

// countThrough counts the events up to the number through, all if that is negative.
func countThrough(events []event, through int64) int {
	if through < 0 {
		return len(events)
	}
	n := 0
	for n < len(events) && int64(events[n].Sequence) <= through {
		n++
	}
	return n
}

// checkSequence checks that events follow a place without a gap, and are of versions that are
// possible.
func (c *Chain) checkSequence(source markets.Source, after markets.Place, events []event, version int64) error {
	next := c.nextSequence(source, after.Seq)
	seq, least := after.Seq, after.Through+1
	if after.Through == 0 {
		least = 0 // unknown
	}
	for _, e := range events {
		want, ok := next(seq)
		if !ok || int64(e.Sequence) != want {
			return fmt.Errorf("%w: event %d follows %d", chains.ErrGap, e.Sequence, seq)
		}
		if v := int64(e.Version); v < least || v > version {
			return fmt.Errorf("event %d is of version %d, not between %d and %d", e.Sequence, v, least, version)
		}
		seq, least = want, int64(e.Version)
	}
	return nil
}

// nextSequence returns the function from an event's number to the next one.
func (c *Chain) nextSequence(source markets.Source, after int64) func(int64) (int64, bool) {
	recorded := c.recordedNumbers(source)
	if recorded == nil {
		return func(seq int64) (int64, bool) { return seq + 1, true }
	}
	at, _ := slices.BinarySearch(recorded, after+1)
	return func(int64) (int64, bool) {
		if at == len(recorded) {
			return 0, false
		}
		at++
		return recorded[at-1], true
	}
}

// recordedNumbers are the numbers of a recording's handle, nil for a real chain.
func (c *Chain) recordedNumbers(source markets.Source) []int64 {
	if c.numbers == nil {
		return nil
	}
	return c.numbers(source)
}
