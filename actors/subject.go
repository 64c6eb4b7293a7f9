package actors

import (
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// subject reads one stream in order and moves the stream's observers along it,
// each from where it stands: by batches, at most credit of them unacknowledged,
// and by rollbacks when it stands on an abandoned branch. The log's observer goes
// first, and last when it goes back.
type subject struct {
	stream
	view    *chains.View
	cursors []*cursor // the log's first
	window  window    // read ahead of the log's observer, and kept for the others

	reads    attempt       // of the window
	idle     time.Time     // when progress without events was last passed on
	ended    markets.Place // how far the stream is known to hold nothing more
	goal     int64         // the height to catch up with
	caughtUp bool

	account  *account          // of the memory that its pages take
	estimate int64             // bytes of the next page
	lively   time.Time         // when something last got on
	stands   map[string]*stand // of the cursors, by name; they outlive restarts
	stuck    string            // why it stands, if it does
	broken   bool              // it was said that finality is broken
}

// stream is what a stream's actors know of it.
type stream struct {
	markets.Stream
	market persistence.MarketRef
	chain  chains.Chain
	Tuning
}

// Tuning is how a stream's actors work.
type Tuning struct {
	// Credit is how many unacknowledged batches an observer may have.
	Credit int
	// Ahead is how many batches a subject reads ahead of its slowest observer.
	Ahead int
	// Events is how many events a batch holds, about.
	Events int
	// Portion is how many documents one commit changes at most, about.
	Portion int
	// Idle is how often progress without events is made durable where every look at
	// the chain makes some (Aptos).
	Idle time.Duration
	// Abreast is how long the documents of a stream wait for those of a stream of the
	// same market that is behind it and moving.
	Abreast time.Duration
	// Tick is how often a subject reports, and the longest that it waits before it asks
	// again for what the chain does not have yet.
	Tick time.Duration
	// Stuck is how long a stream or a head may stand at one place, although the chain
	// goes on, before that is a trouble of which it tells.
	Stuck time.Duration
}

// DefaultTuning suits a production node.
var DefaultTuning = Tuning{Credit: 2, Ahead: 4, Events: 2000, Portion: 4000, Idle: 5 * time.Second, Abreast: 50 * time.Millisecond, Tick: time.Second, Stuck: 2 * time.Minute}

// tick is the subject's own.
type tick struct{}

func (s *subject) begin(l *life) {
	s.account, s.lively = l.budget.account(), time.Now()
	for _, c := range s.cursors {
		l.Send(c.pid, messages.Resubscribe{})
	}
	l.Send(l.Parent(), messages.HeadRequest{ReplyTo: l.Self()})
	l.after(s.Tick, tick{})
}

// end leaves what a last report says of the stream: it may be the only one for
// long, if the stream cannot go on.
func (s *subject) end(l *life) {
	s.account.close()
	l.health.note(l.claim.ID, "")
	if s.view != nil {
		l.report = s.reportOn(l)
	}
}

func (s *subject) receive(l *life, message any) {
	switch m := message.(type) {
	case messages.Head:
		s.see(m.View)
	case messages.Subscribe:
		if c := s.cursor(m.Observer); c != nil {
			c.subscribe(m)
		}
	case messages.Ack:
		if c := s.cursor(m.Observer); c != nil && c.acknowledge(m) {
			s.window = s.window.passed(s.cursors)
			s.lively = time.Now()
			l.well()
		}
	case read:
		s.take(l, m)
	case found:
		s.settle(l, m)
	case again:
		m.due()
	case tick:
		s.giveWay()
		s.notice(l, time.Now())
		s.report(l)
		l.after(s.Tick, tick{})
	}
	s.advance(l)
}

func (s *subject) cursor(observer string) *cursor {
	for _, c := range s.cursors {
		if c.name == observer {
			return c
		}
	}
	return nil
}

// see takes in the chain's new state.
func (s *subject) see(view *chains.View) {
	if height := view.Head.Height(); s.view == nil || height < s.goal { // it can be reorganised to a lower one
		s.goal = height
	}
	broken := s.view != nil && view.FinalityViolations > s.view.FinalityViolations
	s.view = view
	s.window = s.window.onBranch(view, broken)
	for _, c := range s.cursors {
		c.ancestor = nil
		if !c.alone.on(view, broken) {
			c.drop()
		}
		if broken {
			c.settled = false
		}
		c.note(view)
	}
}

// advance does whatever can be done now.
func (s *subject) advance(l *life) {
	if s.view == nil {
		return
	}
	for _, c := range s.cursors {
		s.move(l, c)
	}
	s.readOn(l)
	s.noteCaughtUp(l)
}

// move moves one observer as far as its credit goes.
func (s *subject) move(l *life, c *cursor) {
	for c.subscribed && c.out() < s.Credit {
		switch s.stand(c) {
		case chains.On:
			c.lookup.unneeded()
			if !s.forward(l, c) {
				return
			}
		case chains.Ahead:
			return
		default:
			s.back(l, c)
			return
		}
	}
}

// stand is how the cursor's place relates to the branch. A place below finality
// that was found on the chain is on every branch to come.
func (s *subject) stand(c *cursor) chains.Standing {
	if c.settled {
		return chains.On
	}
	return s.view.Stand(c.sent)
}

// forward sends the observer the batch behind its place, if there is one that it
// may have.
func (s *subject) forward(l *life, c *cursor) bool {
	g, ok := s.window.at(c.sent)
	if !ok {
		g, ok = c.alone, c.alone.next(c.sent)
	}
	if !ok {
		g, ok = s.known(c.sent)
	}
	if !ok || !s.mayFollow(c, g.to) {
		return false
	}
	to := g.end(c.sent)
	c.send(l, messages.Transition{To: to, Batch: g.batch, View: s.view}, g.share)
	c.settled = g.final
	return true
}

// known is the page behind a place of which the log knows that it is empty.
func (s *subject) known(p markets.Place) (page, bool) {
	log := s.cursors[0]
	g := page{from: p, to: log.acked, final: true, batch: &messages.Batch{}}
	return g, log.subscribed && sameBlock(p, log.acked) && g.next(p)
}

// mayFollow says whether the log has executed everything up to a place.
func (s *subject) mayFollow(c *cursor, to markets.Place) bool {
	log := s.cursors[0]
	if c == log {
		return true
	}
	at := markets.Place{Seq: to.Seq}
	return log.subscribed && s.stand(log) == chains.On && log.acked.Reaches(at) && log.sent.Reaches(at)
}

// back rolls an observer back to the newest place of its trail that is on the
// branch. The log goes back after the documents.
func (s *subject) back(l *life, c *cursor) {
	if c.out() > 0 {
		return
	}
	if c.ancestor == nil {
		if c.lookup.may(s.view) {
			s.seek(l, c)
		}
		return
	}
	to := *c.ancestor
	if c == s.cursors[0] && !s.documentsBackTo(l, to) {
		return
	}
	c.send(l, messages.Transition{To: to, View: s.view}, nil)
}

// documentsBackTo says whether all of the stream's documents stand at or before a
// place that the log is to go back to; those that stand beyond are sent back.
func (s *subject) documentsBackTo(l *life, to markets.Place) bool {
	ready := true
	for _, c := range s.cursors[1:] {
		switch {
		case !c.subscribed || c.out() > 0:
			ready = false
		case c.sent.Seq > to.Seq:
			c.send(l, messages.Transition{To: to, View: s.view}, nil)
			ready = false
		}
	}
	return ready
}

// noteCaughtUp says once that the stream has come to where the chain stood when
// the subject first saw it.
func (s *subject) noteCaughtUp(l *life) {
	if least, known := s.least(); known && !s.caughtUp && least.Height() >= s.goal {
		s.caughtUp = true
		s.report(l)
		l.Send(l.Parent(), messages.CaughtUp{Stream: s.id()})
	}
}

func (s *subject) id() string { return s.market.Chain + "/" + s.market.Market + "/" + s.Name }
