package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// leastPage is the least that is reserved for a page whose size is not known.
const leastPage = 1 << 20

// pageRead is the result of reading on from a place.
type pageRead struct {
	page
	of      *cursor // for which alone it was read; nil: for the window
	view    *chains.View
	bytes   int64 // that it took to read and decode the page
	crowded bool  // the budget has no room for that many bytes at present
	err     error
}

// errNothing says that there is nothing to read although the chain advances.
var errNothing = errors.New("the chain has nothing to read there")

// readOn reads the next pages: for the window, and for each observer that is outside of it.
func (s *subject) readOn(inc *supervision.Incarnation) {
	s.readAhead(inc)
	for _, c := range s.documents() {
		s.readAlone(inc, c)
	}
}

// readAhead reads on for the log's observer, and those in step with it.
func (s *subject) readAhead(inc *supervision.Incarnation) {
	log := s.log()
	if log.state(s.view) != onBranch {
		return
	}
	if !s.window.holds(log.sent) {
		s.window.release()
		s.window = nil
	}
	if len(s.window) < s.Ahead {
		s.readFrom(inc, nil, &s.reads, s.window.furthest(log.sent), -1)
	}
}

// readAlone reads for an observer that is out of step, up to where it will be in step.
func (s *subject) readAlone(inc *supervision.Incarnation, c *cursor) {
	if c.state(s.view) != onBranch || c.alone.next(c.sent) || s.window.holds(c.sent) {
		return
	}
	log := s.log()
	through := log.acked.Seq
	if len(s.window) > 0 {
		through = min(through, s.window[0].from.Seq)
	}
	if log.subscribed && c.sent.Seq < through {
		s.readFrom(inc, c, &c.reads, c.sent, through)
	} else {
		c.reads.reset()
	}
}

// nearHead is how many blocks a page may hold however near the head is.
const nearHead = 16

// reach is how far a page may go that begins behind a place of a chain that has branches:
// half of the way to the head. The places of a trail are then as close together as the
// head is near, so that a reorganisation is rolled back by at most twice its depth, and
// nearHead.
func reach(view *chains.View, after markets.Place, through int64) int64 {
	if view.Head.Hash == "" {
		return through
	}
	most := after.Seq + max(nearHead, (view.Head.Seq-after.Seq)/2)
	if through < 0 {
		return most
	}
	return min(through, most)
}

// readFrom reads behind a place, if the chain is known to have come further.
func (s *subject) readFrom(inc *supervision.Incarnation, of *cursor, a *attempt, after markets.Place, through int64) {
	if after.Height() >= s.view.Head.Height() {
		a.reset()
		return
	}
	if !a.ready(s.view) {
		return
	}
	a.busy = true
	r := pageRead{of: of, page: page{from: after}, view: s.view}
	through, estimate := reach(s.view, after, through), max(s.estimate, leastPage)
	inc.Do(func(ctx context.Context) any {
		if err := s.fetch(ctx, &r, through, estimate); err != nil {
			r.err = fmt.Errorf("reading on from %d: %w", after.Seq, err)
		}
		return r
	})
}

// fetch reads a page into what the budget has room for.
func (s *subject) fetch(ctx context.Context, r *pageRead, through, estimate int64) error {
	room, err := s.account.Acquire(ctx, estimate)
	if err != nil {
		return err
	}
	defer room.Read()
	raw, err := s.chain.Read(ctx, r.view, s.Source, r.from, through, s.Events)
	if err == nil {
		err = raw.Check(r.from)
	}
	if err == nil {
		r.page.to, r.page.final = raw.To, raw.To.Seq <= r.view.Final.Seq
		r.bytes = batch.SizeOfRaws(raw.Raws)
		switch {
		case r.of != nil: // only its end is needed: the events are in the log
		case room.Resize(r.bytes):
			r.batch, err = s.decode(ctx, r.view, raw.Raws)
			held := batch.SizeOf(r.batch)
			r.crowded, r.bytes = !room.Resize(held), max(r.bytes, held)
		default:
			r.crowded = true
		}
	}
	if err != nil || r.crowded || r.of != nil {
		room.Release()
		return err
	}
	r.share = room
	return nil
}

// decode makes a batch of raw events.
func (s *subject) decode(ctx context.Context, view *chains.View, raws []markets.Raw) (*markets.Batch, error) {
	b := batch.Decode(s.market.Chain, s.market.Market, s.Stream, raws)
	if s.complete == nil || len(b.Events) == 0 {
		return b, nil
	}
	if err := s.complete(ctx, view, b.Events); err != nil {
		return b, fmt.Errorf("completing events: %w", err)
	}
	return b, nil
}

// handlePage uses a page, if it is still needed.
func (s *subject) handlePage(inc *supervision.Incarnation, r pageRead) {
	a := &s.reads
	if r.of != nil {
		a = &r.of.reads
	}
	a.busy = false
	if !s.hasPage(inc, a, r) || !s.keepPage(inc, r) {
		r.share.Release()
	}
	s.announceTrouble(inc, time.Now())
}

// hasPage notes the result of reading, and says whether there is a page.
func (s *subject) hasPage(inc *supervision.Incarnation, a *attempt, r pageRead) bool {
	switch {
	case isEarly(r.err):
		s.unsettle(r.err)
		a.notYet(inc, r.view, r.err, s.Tick)
	case r.err != nil:
		s.fail(inc, a, r.err)
	case r.crowded:
		a.succeeded()
		s.estimate = r.bytes
	case r.to == r.from:
		a.notYet(inc, r.view, errNothing, s.Tick)
	default:
		a.succeeded()
		s.estimate, s.lively = r.bytes, time.Now()
		return true
	}
	return false
}

// unsettle has places below finality looked for again when reading on finds that the chain
// is another one there.
func (s *subject) unsettle(err error) {
	if !errors.Is(err, chains.ErrReorganised) {
		return
	}
	for _, c := range s.cursors {
		c.settled = false
	}
}

// keepPage keeps a page for the observers for which it was read, if they still need it.
func (s *subject) keepPage(inc *supervision.Incarnation, r pageRead) bool {
	if !r.on(s.view, r.view.FinalityViolations < s.view.FinalityViolations) {
		return false
	}
	if r.of != nil {
		r.of.dropPage()
		r.of.alone = r.page
		return true
	}
	if r.from != s.window.furthest(s.log().sent) {
		return false
	}
	if r.to.Seq == r.from.Seq { // the chain advances, the stream does not
		s.ended, s.reads.view = r.to, r.view
		s.reads.retryIn(inc, s.Tick)
		s.stalls[activity].since = time.Now()
		if s.caughtUp && time.Since(s.idle) < s.Idle {
			return false
		}
		s.idle = time.Now()
	}
	s.window = append(s.window, r.page)
	return true
}

// ticksWithPages is for how many ticks a subject keeps pages that no observer executes
// while others wait for memory.
const ticksWithPages = 5

// giveWay gives up pages that no observer executes, if others wait for memory: they can
// be read again.
func (s *subject) giveWay() {
	if !s.budget.Contended() {
		return
	}
	longAgo := time.Now().Add(-ticksWithPages * s.Tick)
	s.account.Lend(longAgo)
	if s.lively.Before(longAgo) {
		s.window.release()
		s.window = nil
		for _, c := range s.cursors {
			c.dropPage()
		}
	}
}
