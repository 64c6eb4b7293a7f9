package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// read is the result of reading on from a place.
type read struct {
	page
	of      *cursor // whom it was read for alone; nil: for the window
	view    *chains.View
	bytes   int64 // that it took to read and decode the page
	crowded bool  // there is no room for so many bytes at present
	err     error
}

// errNothing says that there is nothing to read although the chain goes on.
var errNothing = errors.New("the chain has nothing to read there")

// readOn reads what is needed next: for the window, and for each observer that is
// not in step with it.
func (s *subject) readOn(l *life) {
	s.readAhead(l)
	for _, c := range s.cursors[1:] {
		s.readAlone(l, c)
	}
}

// readAhead reads on for the log's observer, and those in step with it.
func (s *subject) readAhead(l *life) {
	log := s.cursors[0]
	if !log.subscribed || s.stand(log) != chains.On {
		return
	}
	if !s.window.holds(log.sent) {
		s.window.release()
		s.window = nil
	}
	if len(s.window) < s.Ahead {
		s.readFrom(l, nil, &s.reads, s.window.end(log.sent), -1)
	}
}

// readAlone reads for an observer that is not in step, up to where it will be.
func (s *subject) readAlone(l *life, c *cursor) {
	if !c.subscribed || c.alone.next(c.sent) || s.stand(c) != chains.On || s.window.holds(c.sent) {
		return
	}
	log := s.cursors[0]
	through := log.acked.Seq
	if len(s.window) > 0 {
		through = min(through, s.window[0].from.Seq)
	}
	if log.subscribed && c.sent.Seq < through {
		s.readFrom(l, c, &c.reads, c.sent, through)
	} else {
		c.reads.unneeded()
	}
}

// nearby is how many blocks a page may hold however near the head is.
const nearby = 16

// reach is how far a page may go that begins behind a place, where a chain has
// branches: half of the way to the head. The places at which observers have stood are
// then as close together as the head is near, so that a reorganisation goes back by
// twice its depth at most, and nearby.
func reach(view *chains.View, after markets.Place, through int64) int64 {
	if view.Head.Hash == "" {
		return through
	}
	most := after.Seq + max(nearby, (view.Head.Seq-after.Seq)/2)
	if through < 0 {
		return most
	}
	return min(through, most)
}

// readFrom reads behind a place, if the chain is known to have come further.
func (s *subject) readFrom(l *life, of *cursor, a *attempt, after markets.Place, through int64) {
	if after.Height() >= s.view.Head.Height() {
		a.unneeded()
		return
	}
	if !a.may(s.view) {
		return
	}
	a.busy = true
	r := read{of: of, page: page{from: after}, view: s.view}
	through, estimate := reach(s.view, after, through), max(s.estimate, leastPage)
	l.do(func(ctx context.Context) any {
		if err := s.fetch(ctx, &r, through, estimate); err != nil {
			r.err = fmt.Errorf("reading on from %d: %w", after.Seq, err)
		}
		return r
	})
}

// fetch reads a page into what the budget has room for.
func (s *subject) fetch(ctx context.Context, r *read, through, estimate int64) error {
	room, err := s.account.acquire(ctx, estimate)
	if err != nil {
		return err
	}
	defer room.read()
	raw, err := s.chain.Read(ctx, r.view, s.Source, r.from, through, s.Events)
	if err == nil {
		r.page.to, r.page.final = raw.To, raw.To.Seq <= r.view.Final.Seq
		if r.bytes = sizeOfRaws(raw.Raws); room.resize(r.bytes) {
			r.batch = s.decode(raw.Raws)
			held := sizeOfBatch(r.batch)
			r.crowded, r.bytes = !room.resize(held), max(r.bytes, held)
		} else {
			r.crowded = true
		}
	}
	if err != nil || r.crowded {
		room.release()
		return err
	}
	r.share = room
	return nil
}

// take takes in what was read, unless things have changed since.
func (s *subject) take(l *life, r read) {
	a := &s.reads
	if r.of != nil {
		a = &r.of.reads
	}
	a.busy = false
	if !s.came(l, a, r) || !s.keep(l, r) {
		r.share.release()
	}
	s.tell(l, time.Now())
}

// came notes what came of reading, and says whether there is a page.
func (s *subject) came(l *life, a *attempt, r read) bool {
	switch {
	case isEarly(r.err):
		s.doubt(r.err)
		a.notYet(l, r.view, r.err, s.Tick)
	case r.err != nil:
		s.fail(l, a, r.err)
	case r.crowded:
		a.succeeded()
		s.estimate = r.bytes
	case r.to == r.from:
		a.notYet(l, r.view, errNothing, s.Tick)
	default:
		a.succeeded()
		s.estimate, s.lively = r.bytes, time.Now()
		return true
	}
	return false
}

// doubt has places below finality looked for again when reading on finds that the chain
// is another one there.
func (s *subject) doubt(err error) {
	if !errors.Is(err, chains.ErrReorganised) {
		return
	}
	for _, c := range s.cursors {
		c.settled = false
	}
}

// keep keeps a page for those whom it was read for, if it is still what they need.
func (s *subject) keep(l *life, r read) bool {
	if !r.on(s.view, r.view.FinalityViolations < s.view.FinalityViolations) {
		return false
	}
	if r.of != nil {
		r.of.drop()
		r.of.alone = r.page
		return true
	}
	if r.from != s.window.end(s.cursors[0].sent) {
		return false
	}
	if r.to.Seq == r.from.Seq { // the chain goes on, the stream does not
		s.ended, s.reads.view = r.to, r.view
		s.reads.in(l, s.Tick)
		s.stands[activity].since = time.Now()
		if s.caughtUp && time.Since(s.idle) < s.Idle {
			return false
		}
		s.idle = time.Now()
	}
	s.window = append(s.window, r.page)
	return true
}

// ticksWithPages is for how many ticks a subject keeps pages that nobody takes while
// others wait for memory.
const ticksWithPages = 5

// giveWay gives up pages that nobody takes, if others wait for memory: they can be
// read again.
func (s *subject) giveWay() {
	if !s.account.budget.contended() {
		return
	}
	longAgo := time.Now().Add(-ticksWithPages * s.Tick)
	s.account.lend(longAgo)
	if s.lively.Before(longAgo) {
		s.window.release()
		s.window = nil
		for _, c := range s.cursors {
			c.drop()
		}
	}
}
