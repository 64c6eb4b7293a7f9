package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// cursor is one observer as its subject sees it. What the subject may do for it is the
// cursor's state.
type cursor struct {
	name       string
	pid        *actor.PID
	subscribed bool
	messages.Subscription
	acked, sent markets.Place // of the last ack, and the end of the last transition sent
	flights     []flight      // transitions that are not acknowledged yet
	trail       markets.Trail
	final       int64          // the height that was final when the trail was recorded; -1: unknown
	settled     bool           // sent is below finality and was found on the chain
	ancestor    *markets.Place // the newest place of the trail that is on the branch, once found
	lookup      attempt        // to find the ancestor
	alone       page           // read for this observer only, while it is out of step
	reads       attempt        // of that page
}

// flight is a transition on its way, and the page that it holds.
type flight struct {
	view  *chains.View
	share *budget.Share
}

// cursorState is what a subject may do for an observer.
type cursorState int

const (
	// unsubscribed: the observer has not said its place since the subject was started. It
	// has been asked, and nothing is sent to it.
	unsubscribed cursorState = iota
	// onBranch: the place to which the observer was sent is on the chain as last seen. It
	// gets the next batches as far as its credit and the log allow.
	onBranch
	// aheadOfHead: the place is beyond the head: an endpoint is behind. The next view tells.
	aheadOfHead
	// draining: the place is not, or not known to be, on the branch, and transitions are
	// under way. No more are sent, and their acks are awaited.
	draining
	// lost: no transition is under way, and the newest place of the trail that is on the
	// branch is being determined.
	lost
	// returning: that place is known. The observer is rolled back to it: documents
	// immediately, the log once all documents are back (P5).
	returning
)

// state is the cursor's state on a view's branch.
func (c *cursor) state(view *chains.View) cursorState {
	standing := view.Stand(c.sent)
	switch {
	case !c.subscribed:
		return unsubscribed
	case c.settled || standing == chains.On: // a final place is on every later branch
		return onBranch
	case standing == chains.Ahead:
		return aheadOfHead
	case c.inFlight() > 0:
		return draining
	case c.ancestor == nil:
		return lost
	}
	return returning
}

// inFlight is how many transitions are not acknowledged yet.
func (c *cursor) inFlight() int { return len(c.flights) }

// subscribe starts a new subscription: everything said before it is void.
func (c *cursor) subscribe(m messages.Subscribe) {
	c.abandonFlights()
	c.dropPage()
	*c = cursor{
		name: c.name, pid: c.pid, lookup: c.lookup, reads: c.reads,
		subscribed: true, Subscription: m.Subscription, acked: m.At, sent: m.At, trail: m.Trail, final: m.Finalized,
	}
}

// abandonFlights forgets the transitions under way.
func (c *cursor) abandonFlights() {
	for _, f := range c.flights {
		f.share.Release()
	}
	c.flights = nil
}

// dropPage gives up the page that was read for this observer.
func (c *cursor) dropPage() {
	c.alone.share.Release()
	c.alone = page{}
}

// acknowledge handles an ack, and says whether it was of this subscription: acks of an
// earlier one, or from before the subject was started, tell nothing (P1, P3).
func (c *cursor) acknowledge(m messages.Ack) bool {
	if !c.subscribed || m.Subscription != c.Subscription {
		return false
	}
	if m.At != c.acked {
		c.trail = c.trail.Push(m.At)
	}
	c.acked = m.At
	if len(c.flights) > 0 {
		f := c.flights[0]
		c.flights = c.flights[1:]
		f.share.Release()
		c.final = f.view.Final.Seq // as in the observer's commit
		c.noteFinal(f.view)
	}
	if c.acked.Reaches(c.alone.to) {
		c.dropPage()
	}
	return true
}

// send has the observer execute a transition from the place to which it was sent last, with
// the share of the page that the transition holds. Once a rollback is sent, places beyond
// its end no longer count as executed.
func (c *cursor) send(inc *supervision.Incarnation, t markets.Transition, view *chains.View, s *budget.Share) {
	t.From = c.sent
	c.sent, c.settled, c.ancestor = t.To, false, nil
	if t.Kind == markets.RollbackTransition {
		c.acked, c.trail, c.final = t.To, c.trail.Cut(t.To), view.Final.Seq
	}
	c.flights = append(c.flights, flight{view, s.Retain()})
	inc.Send(c.pid, messages.Execute{Subscription: c.Subscription, Transition: t, View: view})
}

// noteFinal records the newest final place at or below the acknowledged one, by a view.
func (c *cursor) noteFinal(view *chains.View) {
	if final, known := finalBelow(view, c.acked); known {
		c.final = final.Seq
		c.trail = c.trail.With(final)
	}
}

// finalized is the height up to which the trail is of final blocks.
func (c *cursor) finalized() int64 { return min(c.final, c.sent.Seq) }

// ancestorFound is the result of looking for a cursor's place on the chain.
type ancestorFound struct {
	of           *cursor
	subscription messages.Subscription
	sent         markets.Place // where the cursor was when it was looked for
	view         *chains.View
	ancestor     markets.Place // the newest place of its trail that is on the branch
	err          error
}

// lookUp looks for a cursor's place, or the newest before it, on the chain.
func (s *subject) lookUp(inc *supervision.Incarnation, c *cursor) {
	c.lookup.busy = true
	f := ancestorFound{of: c, subscription: c.Subscription, sent: c.sent, view: s.view}
	trail, final := c.trail, c.finalized()
	inc.Do(func(ctx context.Context) any {
		var ok bool
		f.ancestor, ok, f.err = s.chain.Ancestor(ctx, f.view, trail, final)
		if f.err == nil && !ok {
			f.err = fmt.Errorf("not even its oldest place, %d, is on the chain", trail[0].Seq)
		}
		return f
	})
}

// handleAncestor uses the common ancestor found for a cursor, unless the cursor has moved.
func (s *subject) handleAncestor(inc *supervision.Incarnation, f ancestorFound) {
	c := f.of
	c.lookup.busy = false
	moved := f.subscription != c.Subscription || f.sent != c.sent
	switch {
	case moved:
	case isEarly(f.err):
		c.lookup.notYet(inc, f.view, f.err, s.Tick)
	case f.err != nil:
		s.fail(inc, &c.lookup, fmt.Errorf("looking for the place of %s on the chain: %w", c.name, f.err))
	case !s.stillHolds(f):
		c.lookup.succeeded()
	case f.ancestor == c.sent:
		c.lookup.succeeded()
		if c.settled = f.ancestor.Seq <= s.view.Final.Seq; c.settled {
			c.final = s.view.Final.Seq
		}
		c.noteFinal(s.view)
	default:
		c.lookup.succeeded()
		s.logRollback(inc, c, f.ancestor)
		c.ancestor = &f.ancestor
	}
	s.announceTrouble(inc, time.Now())
}

func (s *subject) logRollback(inc *supervision.Incarnation, c *cursor, to markets.Place) {
	level := slog.LevelDebug
	if c == s.log() { // once a stream
		level = slog.LevelInfo
	}
	inc.Log.Log(context.Background(), level, "rolling back", "stream", s.id(), "observer", c.name, "from", c.sent.Seq, "to", to.Seq, "depth", c.sent.Seq-to.Seq)
}

// stillHolds reports whether an ancestor found on an earlier view is valid on the current
// one.
func (s *subject) stillHolds(f ancestorFound) bool {
	if f.view.FinalityViolations != s.view.FinalityViolations {
		return false
	}
	return f.ancestor.Seq <= f.view.Final.Seq || s.view.Stand(f.ancestor) == chains.On
}
