package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/factories"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// cursor compares one stream, page by page.
type cursor struct {
	*audit
	ref       persistence.MarketRef
	stream    markets.Stream
	chain     chains.Chain // with the contracts that the stream's factories announced
	log       log
	completer *currencies.Completer
	result    Stream
	read      []markets.Activity // of the log, in the last comparison

	start, at, end markets.Place
	first          bool // the next page includes the entries at and below the start's seq
	done           bool
}

func newCursor(a *audit, m markets.Market, s markets.Stream) *cursor {
	ref := persistence.MarketRef{Chain: a.Chain, Market: m.Name}
	c := &cursor{
		audit: a, ref: ref, stream: s, log: log{a.Docs, ref, s.Name}, result: Stream{Market: m.Name, Stream: s.Name},
		chain: factories.NewChain(a.Source, ref, s, a.Docs),
	}
	if a.completers[m.Name] == nil {
		a.completers[m.Name] = currencies.New(a.Chain, m.Kind, nil, stored{a.Docs})
	}
	c.completer = a.completers[m.Name]
	return c
}

func (c *cursor) id() string { return c.ref.Chain + "/" + c.ref.Market + "/" + c.stream.Name }

// isHandle reports whether the stream's seqs are those of a handle's events rather than
// heights.
func (c *cursor) isHandle() bool { return c.stream.Source.Handle != "" }

// bound sets the range in which the stream is compared.
func (c *cursor) bound(ctx context.Context, observer persistence.Actor) error {
	c.start, c.end = observer.Place, observer.Place
	if len(observer.Trail) > 0 {
		c.start = observer.Trail[0]
	}
	if observer.Pending != nil && observer.Pending.Seq < c.end.Seq {
		c.end = *observer.Pending
	}
	if c.end.Hash != "" {
		if err := c.boundByFinality(ctx, observer); err != nil {
			return err
		}
	}
	c.at, c.first = c.start, c.From <= c.start.Height()+1
	if c.From > c.start.Height()+1 {
		if err := c.startAt(ctx, observer); err != nil {
			return err
		}
	}
	if !c.isHandle() && c.To < c.end.Seq {
		c.end = markets.Place{Seq: c.To}
	}
	c.result.From, c.result.To = max(c.height(c.start)+1, c.From), min(c.end.Height(), c.To)
	c.start = c.at
	c.done = c.at.Seq >= c.end.Seq && !c.first
	return nil
}

// boundByFinality limits the range to blocks that are final on the chain and that the log
// shares with it: they were final when the log was written, or they are on the chain.
func (c *cursor) boundByFinality(ctx context.Context, observer persistence.Actor) error {
	trail := observer.Trail.Cut(c.end)
	on, ok, err := c.chain.Ancestor(ctx, c.view, trail, -1)
	if errors.Is(err, chains.ErrAhead) { // the source is behind the log
		on, ok, err = markets.Place{}, true, nil
	}
	if err != nil {
		return err
	}
	reached := min(observer.Finalized, c.end.Seq)
	if ok {
		reached = max(reached, on.Seq)
	}
	if reached < c.end.Seq && reached < c.view.Final.Seq {
		note(&c.result, fmt.Sprintf("above %d its log is on another branch than the chain", reached))
	}
	c.end = markets.Place{Seq: max(min(reached, c.view.Final.Seq), c.start.Seq)}
	return nil
}

// eventFinder returns the place before a handle's first event at or after a ledger version.
type eventFinder interface {
	Since(ctx context.Context, source markets.Source, version int64) (markets.Place, error)
}

// blockFinder returns the place of the block at a final height.
type blockFinder interface {
	PlaceAt(ctx context.Context, height int64) (markets.Place, error)
}

// startAt moves the cursor to the place before From.
func (c *cursor) startAt(ctx context.Context, observer persistence.Actor) (err error) {
	if c.From > c.end.Height() {
		c.at = c.end
		return nil
	}
	before := c.From - 1
	c.at, _ = observer.Trail.AtOrBelow(before)
	if c.isHandle() {
		if finder, ok := innermost(c.Source).(eventFinder); ok {
			c.at, err = finder.Since(ctx, c.stream.Source, c.From)
		}
		return err
	}
	if finder, ok := innermost(c.Source).(blockFinder); ok {
		c.at, err = finder.PlaceAt(ctx, before)
	} else if c.at.Through > 0 {
		c.at = markets.Place{Seq: before, Through: before}
	}
	return err
}

// innermost unwraps a chain.
func innermost(chain chains.Chain) chains.Chain {
	for {
		wrapper, ok := chain.(interface{ Unwrap() chains.Chain })
		if !ok {
			return chain
		}
		chain = wrapper.Unwrap()
	}
}

// step compares the next page of the stream.
func (a *audit) step(ctx context.Context, c *cursor) error {
	after := c.at.Seq
	to, chain, err := c.next(ctx)
	if err != nil {
		return err
	}
	lower := after
	if c.first {
		lower = math.MinInt64
	}
	through := to.Seq
	ended := to.Seq >= c.end.Seq || to == c.at || c.isHandle() && len(chain.raws) > 0 && chain.raws[len(chain.raws)-1].Position.Height > c.To
	if ended && to.Seq < c.end.Seq && c.To >= c.end.Height() { // the chain has no more events
		through = c.end.Seq
	}
	o, err := c.compare(ctx, chain, lower, through)
	if err == nil && len(o.differences) > 0 {
		o, err = c.confirm(ctx, c.at, lower, through, to)
	}
	if errors.Is(err, errBehind) {
		note(&c.result, fmt.Sprintf("during the audit %v: it is compared up to there", err))
		c.end, c.done = c.at, true
		return nil
	}
	if err != nil {
		return err
	}
	a.add(c, o)
	if err := c.compareDocuments(ctx, lower, through); err != nil {
		return err
	}
	c.at, c.first = to, false
	if ended {
		c.at.Through = max(c.at.Through, c.end.Through)
		c.done = true
	}
	return nil
}

// compareDocuments compares the documents of the last page's activities.
func (c *cursor) compareDocuments(ctx context.Context, after, through int64) error {
	d, err := c.documentsOf(ctx, c.ref.Market)
	if err != nil || d == nil {
		return err
	}
	return d.comparePage(ctx, page{
		log: c.log, activities: c.read, after: after, through: through, notifies: c.stream.Notifies,
		within: c.within, before: c.before, beforeEvent: c.beforeEvent, result: &c.result,
	})
}

// next reads and decodes the next page of the chain. Its end is its start if the chain has
// no more events.
func (c *cursor) next(ctx context.Context) (to markets.Place, r reading, err error) {
	if c.at.Seq >= c.end.Seq {
		return c.at, r, nil
	}
	var page chains.Page
	err = c.retry(ctx, fmt.Sprintf("reading on from %d", c.at.Seq), func() error {
		page, err = c.chain.Read(ctx, c.view, c.stream.Source, c.at, c.end.Seq, c.Events)
		if err == nil {
			err = page.Check(c.at)
		}
		if err == nil && page.To.Seq == c.at.Seq && !(c.isHandle() && page.To.Through >= c.end.Through) {
			err = fmt.Errorf("%w: the log has events up to %d", chains.ErrAhead, c.end.Seq)
		}
		return err
	})
	if err != nil {
		return c.at, r, err
	}
	if page.To.Seq == c.at.Seq { // the handle has no more events
		return c.at, r, nil
	}
	r, err = c.decode(ctx, page.Raws)
	return page.To, r, err
}

// decode decodes raw events of the chain.
func (c *cursor) decode(ctx context.Context, raws []markets.Raw) (reading, error) {
	b := batch.Decode(c.ref.Chain, c.ref.Market, c.stream, raws)
	if err := c.completer.Complete(ctx, nil, b.Events); err != nil {
		return reading{}, err
	}
	r := reading{raws: raws, entries: entries{letters: b.DeadLetters}}
	for _, e := range b.Events {
		r.activities = append(r.activities, markets.Activity{Chain: c.ref.Chain, Market: c.ref.Market, Event: e})
	}
	return r, nil
}

// compare compares a page of the chain with the current entries of the log.
func (c *cursor) compare(ctx context.Context, chain reading, after, through int64) (outcome, error) {
	e, err := c.log.between(ctx, after, through)
	if err != nil {
		return outcome{}, err
	}
	return c.match(ctx, chain, e)
}

// match compares a page of the chain with entries of the log.
func (c *cursor) match(ctx context.Context, chain reading, e entries) (outcome, error) {
	c.read = slices.Clone(e.activities)
	events := make([]markets.Event, len(e.activities))
	for i, a := range e.activities {
		events[i] = a.Event
	}
	// An entry with only the address of its currency agrees: the symbol may have been found
	// later.
	if err := c.completer.Complete(ctx, nil, events); err != nil {
		return outcome{}, err
	}
	for i := range events {
		e.activities[i].Event = events[i]
	}
	comparison := comparison{ref: c.ref, stream: c.stream, within: c.within, before: c.before, beforeEvent: c.beforeEvent}
	if c.stream.Own != nil {
		comparison.required = c.required
	}
	return comparison.compare(chain, e)
}

// confirm reads the chain and the log again and compares them. It returns errBehind if the
// log no longer has the page.
func (c *cursor) confirm(ctx context.Context, after markets.Place, lower, through int64, to markets.Place) (outcome, error) {
	var chain reading
	for at := after; at.Seq < to.Seq; {
		var page chains.Page
		err := c.retry(ctx, fmt.Sprintf("reading on from %d again", at.Seq), func() (err error) {
			page, err = c.chain.Read(ctx, c.view, c.stream.Source, at, to.Seq, c.Events)
			if err == nil {
				err = page.Check(at)
			}
			if err == nil && page.To.Seq == at.Seq {
				err = fmt.Errorf("%w: it has had events up to %d", chains.ErrAhead, to.Seq)
			}
			return err
		})
		if err != nil {
			return outcome{}, err
		}
		chain.raws, at = append(chain.raws, page.Raws...), page.To
	}
	chain, err := c.decode(ctx, chain.raws)
	if err != nil {
		return outcome{}, err
	}
	e, err := c.log.settled(ctx, lower, through, c.Pause)
	if err != nil {
		return outcome{}, err
	}
	return c.match(ctx, chain, e)
}

// required reports whether an event is certainly the market's own. The worker may have
// skipped any other because its log did not know the order yet or, of a bulk cancel, the
// maker.
func (c *cursor) required(e markets.Event) bool {
	return e.Kind != markets.OrdersCancelled && c.stream.Own.Has(e)
}

func (c *cursor) within(height int64) bool {
	return (height >= c.From || c.From <= 0) && height <= c.To
}

// height returns the height of a place. The height of a handle's start is not known.
func (c *cursor) height(p markets.Place) int64 {
	if c.isHandle() {
		return p.Through
	}
	return p.Height()
}

// before returns a height below an entry of the log that is not on the chain.
func (c *cursor) before(seq int64) int64 {
	if c.isHandle() {
		return max(0, c.at.Through-1)
	}
	return max(0, seq-1)
}

// beforeEvent returns a height below an event of the chain. The place of a handle before
// the event may extend to the ledger version before the event's.
func (c *cursor) beforeEvent(height int64) int64 {
	if c.isHandle() {
		return max(0, height-2)
	}
	return max(0, height-1)
}

// progress returns the compared fraction of the stream, from 0 to 1.
func (c *cursor) progress() float64 {
	all := c.end.Seq - c.start.Seq
	if c.done || all <= 0 {
		return 1
	}
	return float64(c.at.Seq-c.start.Seq) / float64(all)
}
