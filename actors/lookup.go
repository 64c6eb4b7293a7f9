package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// found is the result of looking for a cursor's place on the chain.
type found struct {
	of   *cursor
	sub  messages.Subscription
	at   markets.Place
	view *chains.View
	on   markets.Place // the newest place of its trail that is on the branch
	err  error
}

// seek looks for a cursor's place, or the newest before it, on the chain.
func (s *subject) seek(l *life, c *cursor) {
	c.lookup.busy = true
	view, at, sub, trail, final := s.view, c.sent, c.Subscription, c.trail, c.finalized()
	l.do(func(ctx context.Context) any {
		on, ok, err := s.chain.Ancestor(ctx, view, trail, final)
		if err == nil && !ok {
			err = fmt.Errorf("not even its oldest place, %d, is on the chain", trail[0].Seq)
		}
		return found{c, sub, at, view, on, err}
	})
}

// settle takes in where a cursor's place was found.
func (s *subject) settle(l *life, f found) {
	c := f.of
	c.lookup.busy = false
	stale := f.sub != c.Subscription || f.at != c.sent
	switch {
	case stale:
	case isEarly(f.err):
		c.lookup.notYet(l, f.view, f.err, s.Tick)
	case f.err != nil:
		s.fail(l, &c.lookup, fmt.Errorf("looking for the place of %s on the chain: %w", c.name, f.err))
	case !s.stillOn(f):
		c.lookup.succeeded()
	case f.on == c.sent:
		c.lookup.succeeded()
		if c.settled = f.on.Seq <= s.view.Final.Seq; c.settled {
			c.final = s.view.Final.Seq
		}
		c.note(s.view)
	default:
		c.lookup.succeeded()
		s.logRollback(l, c, f.on)
		c.ancestor = &f.on
	}
	s.tell(l, time.Now())
}

func (s *subject) logRollback(l *life, c *cursor, to markets.Place) {
	level := slog.LevelDebug
	if c == s.cursors[0] { // once a stream
		level = slog.LevelInfo
	}
	l.log.Log(l.ctx, level, "rolling back", "stream", s.id(), "observer", c.name, "from", c.sent.Seq, "to", to.Seq, "depth", c.sent.Seq-to.Seq)
}

// stillOn says whether what was found by an earlier view holds on this one.
func (s *subject) stillOn(f found) bool {
	if f.view.FinalityViolations != s.view.FinalityViolations {
		return false
	}
	return f.on.Seq <= f.view.Final.Seq || s.view.Stand(f.on) == chains.On
}
