package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

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

// handleAncestor takes in where a cursor's place was found, unless the cursor has moved.
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

// stillHolds says whether what was found on an earlier view holds on the present one.
func (s *subject) stillHolds(f ancestorFound) bool {
	if f.view.FinalityViolations != s.view.FinalityViolations {
		return false
	}
	return f.ancestor.Seq <= f.view.Final.Seq || s.view.Stand(f.ancestor) == chains.On
}
