package actors

import (
	"context"
	"time"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// subject reads one stream in order and sends the stream's observers transitions, each
// from its own place: batches, at most credit of them unacknowledged, and rollbacks when
// its place is on an abandoned branch. The log's observer goes first, and last when it
// goes back (P5). The subject of a paused stream sends nothing.
type subject struct {
	stream
	paused  bool
	view    *chains.View
	cursors []*cursor // the log's first
	window  window    // read ahead of the log's observer, and kept for the others

	reads    attempt       // of the window
	idle     time.Time     // when progress without events was last passed on
	ended    markets.Place // how far the stream is known to hold nothing more
	goal     int64         // the height to catch up with
	caughtUp bool

	budget    *budget.Budget    // of the process
	account   *budget.Account   // of the memory that its pages take
	estimate  int64             // bytes of the next page
	lively    time.Time         // when it last made progress
	stalls    map[string]*stall // of the cursors, by name; they outlive restarts
	condition condition
}

// stream is what a stream's actors know of it.
type stream struct {
	markets.Stream
	market persistence.MarketRef
	chain  chains.Chain
	// complete is Market.Complete
	complete func(ctx context.Context, view *chains.View, events []markets.Event) error
	Tuning
}

// transition is one of the stream's, without its start.
func (s stream) transition(kind markets.TransitionKind, to markets.Place) markets.Transition {
	return markets.Transition{Kind: kind, Chain: s.market.Chain, Market: s.market.Market, Stream: s.Name, To: to}
}

// id is the key of the stream's worker.
func (s stream) id() string { return s.market.Chain + "/" + s.market.Market + "/" + s.Name }

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
	// Idle is how often progress without events is made durable where the head advances
	// with every look at the chain (Aptos).
	Idle time.Duration
	// Abreast is how long the documents of a stream wait for those of a stream of the
	// same market that is behind it and moving.
	Abreast time.Duration
	// Tick is how often a subject reports, and the longest that it waits before it asks
	// again for what the chain does not have yet.
	Tick time.Duration
	// Stuck is how long a stream or a head may stay at one place although the chain
	// advances, before it is reported as stalled; 0: never.
	Stuck time.Duration
	// Outage is how long the head of a chain may not be known before that is logged as an
	// error; 0: for ever.
	Outage time.Duration
}

// DefaultTuning suits a production node.
var DefaultTuning = Tuning{Credit: 2, Ahead: 4, Events: 2000, Portion: 4000, Idle: 5 * time.Second, Abreast: 50 * time.Millisecond, Tick: time.Second, Stuck: 2 * time.Minute, Outage: outage.Moment}

// tick is the subject's own timer.
type tick struct{}

func (s *subject) Start(inc *supervision.Incarnation) {
	s.account, s.lively = s.budget.Account(), time.Now()
	if s.paused {
		inc.Report.Status = persistence.Paused
		inc.SetReport(inc.Report)
		inc.Send(inc.Parent(), messages.CaughtUp{Stream: s.id(), Paused: true})
	}
	for _, c := range s.cursors {
		inc.Send(c.pid, messages.Resubscribe{})
	}
	inc.Send(inc.Parent(), messages.HeadRequest{ReplyTo: inc.Self()})
	inc.After(s.Tick, tick{})
}

// Stop leaves what a last report says of the stream: it may be the only one for long, if
// the stream cannot go on.
func (s *subject) Stop(inc *supervision.Incarnation) {
	s.account.Close()
	s.condition.clear(inc)
	if s.view != nil {
		inc.Report = s.currentReport(inc)
	}
}

func (s *subject) Receive(inc *supervision.Incarnation, message any) {
	switch m := message.(type) {
	case messages.Head:
		s.handleHead(m.View)
	case messages.Subscribe:
		if c := s.cursor(m.Observer); c != nil {
			c.subscribe(m)
			s.window = s.window.passed(s.cursors) // its last commit may have been durable, and not acknowledged
		}
	case messages.Ack:
		if c := s.cursor(m.Observer); c != nil && c.acknowledge(m) {
			s.window = s.window.passed(s.cursors)
			s.lively = time.Now()
			inc.Progressed()
		}
	case pageRead:
		s.handlePage(inc, m)
	case ancestorFound:
		s.handleAncestor(inc, m)
	case retryDue:
		m.apply()
	case tick:
		s.giveWay()
		s.checkStalled(inc, time.Now())
		s.report(inc)
		inc.After(s.Tick, tick{})
	}
	s.advance(inc)
}

func (s *subject) cursor(observer string) *cursor {
	for _, c := range s.cursors {
		if c.name == observer {
			return c
		}
	}
	return nil
}

// log is the cursor of the log's observer, documents those of the others.
func (s *subject) log() *cursor         { return s.cursors[0] }
func (s *subject) documents() []*cursor { return s.cursors[1:] }

// handleHead handles the chain's new state.
func (s *subject) handleHead(view *chains.View) {
	if height := view.Head.Height(); s.view == nil || height < s.goal { // it can be reorganised to a lower one
		s.goal = height
	}
	violated := s.view != nil && view.FinalityViolations > s.view.FinalityViolations
	s.view = view
	s.window = s.window.onBranch(view, violated)
	for _, c := range s.cursors {
		c.ancestor = nil
		if !c.alone.on(view, violated) {
			c.dropPage()
		}
		if violated {
			c.settled = false
		}
		c.noteFinal(view)
	}
}

// advance does whatever can be done now.
func (s *subject) advance(inc *supervision.Incarnation) {
	if s.view == nil || s.paused {
		return
	}
	for _, c := range s.cursors {
		s.advanceCursor(inc, c)
	}
	s.readOn(inc)
	s.noteCaughtUp(inc)
}

// advanceCursor performs the next step for one observer, according to its state.
func (s *subject) advanceCursor(inc *supervision.Incarnation, c *cursor) {
	switch c.state(s.view) {
	case onBranch:
		if c.inFlight() < s.Credit {
			c.lookup.reset()
		}
		for c.inFlight() < s.Credit && c.state(s.view) == onBranch && s.sendBatch(inc, c) {
		}
	case lost:
		if c.lookup.ready(s.view) {
			s.lookUp(inc, c)
		}
	case returning:
		s.rollBack(inc, c)
	case unsubscribed, aheadOfHead, draining:
	}
}

// sendBatch sends the observer the batch behind its place, if there is one that it may have:
// the batch that the log was sent or, to documents that are out of step, that in the log.
func (s *subject) sendBatch(inc *supervision.Incarnation, c *cursor) bool {
	kind := markets.BatchTransition
	g, ok := s.window.at(c.sent)
	if !ok {
		kind = markets.ResumeTransition
		g, ok = c.alone, c.alone.next(c.sent)
	}
	if !ok {
		g, ok = s.emptyPage(c.sent)
	}
	if !ok || !s.mayFollow(c, g.to) {
		return false
	}
	t := s.transition(kind, g.destination(c.sent))
	t.Batch = g.batch
	c.send(inc, t, s.view, g.share)
	c.settled = g.final
	return true
}

// emptyPage is the page behind a place of which the log knows that it is empty.
func (s *subject) emptyPage(p markets.Place) (page, bool) {
	log := s.log()
	g := page{from: p, to: log.acked, final: true}
	return g, log.subscribed && sameBlock(p, log.acked) && g.next(p)
}

// mayFollow reports whether an observer may have everything up to a place: the log may, and
// the documents once the log has executed it (P5).
func (s *subject) mayFollow(c *cursor, to markets.Place) bool {
	log := s.log()
	if c == log {
		return true
	}
	at := markets.Place{Seq: to.Seq}
	return log.state(s.view) == onBranch && log.acked.Reaches(at) && log.sent.Reaches(at)
}

// rollBack rolls an observer back to its ancestor; the log after the documents (P5).
func (s *subject) rollBack(inc *supervision.Incarnation, c *cursor) {
	to := *c.ancestor
	if c == s.log() && !s.documentsBackTo(inc, to) {
		return
	}
	c.send(inc, s.transition(markets.RollbackTransition, to), s.view, nil)
}

// documentsBackTo reports whether all of the stream's documents are at or before a place to
// which the log is to be rolled back; those that are beyond are sent there.
func (s *subject) documentsBackTo(inc *supervision.Incarnation, to markets.Place) bool {
	all := true
	for _, c := range s.documents() {
		switch {
		case !c.subscribed || c.inFlight() > 0:
			all = false
		case c.sent.Seq > to.Seq:
			c.send(inc, s.transition(markets.RollbackTransition, to), s.view, nil)
			all = false
		}
	}
	return all
}

// noteCaughtUp reports once that the stream has reached the head that the subject first
// saw.
func (s *subject) noteCaughtUp(inc *supervision.Incarnation) {
	if least, known := s.least(); known && !s.caughtUp && least.Height() >= s.goal {
		s.caughtUp = true
		s.report(inc)
		inc.Send(inc.Parent(), messages.CaughtUp{Stream: s.id()})
	}
}
