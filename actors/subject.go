package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

	reading  bool
	stalled  *chains.View  // reading waits for another view than this, or for a tick
	idle     time.Time     // when progress without events was last passed on
	ended    markets.Place // how far the stream is known to hold nothing more
	goal     int64         // the height to catch up with
	caughtUp bool
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
	// Tick is how often a subject reports, and tries again what it could not do.
	Tick time.Duration
}

// DefaultTuning suits a production node.
var DefaultTuning = Tuning{Credit: 2, Ahead: 4, Events: 2000, Portion: 4000, Idle: 5 * time.Second, Abreast: 50 * time.Millisecond, Tick: time.Second}

// tick is the subject's own.
type tick struct{}

// read is the result of reading on from a place.
type read struct {
	page
	of     *cursor // whom it was read for alone; nil: for the window
	breaks int     // of the view that it was read by
	err    error
}

// found is the result of looking for a cursor's place on the chain.
type found struct {
	of   *cursor
	sub  messages.Subscription
	at   markets.Place
	view *chains.View
	on   markets.Place // the newest place of its trail that is on the branch
	err  error
}

func (s *subject) begin(l *life) {
	for _, c := range s.cursors {
		l.Send(c.pid, messages.Resubscribe{})
	}
	l.Send(l.Parent(), messages.HeadRequest{ReplyTo: l.Self()})
	l.after(s.Tick, tick{})
}

// end leaves what a last report says of the stream: it may be the only one for
// long, if the stream cannot go on.
func (s *subject) end(l *life) {
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
		}
	case read:
		s.take(l, m)
	case found:
		s.settle(l, m)
	case tick:
		s.stalled = nil
		for _, c := range s.cursors {
			c.unfound = nil
		}
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
	broken := s.view != nil && view.Breaks > s.view.Breaks
	s.view = view
	s.window = s.window.onBranch(view, broken)
	for _, c := range s.cursors {
		c.ancestor = nil
		if !c.alone.on(view, broken) {
			c.alone = page{}
		}
		if broken {
			c.final = false
		}
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
	for c.subscribed && c.out < s.Credit {
		switch s.stand(c) {
		case chains.On:
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
	if c.final {
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
	c.send(l, messages.Transition{To: to, Batch: g.batch, View: s.view})
	c.final = g.final
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
	if c.out > 0 || c.seeking || c.unfound == s.view {
		return
	}
	if c.ancestor == nil {
		s.seek(l, c)
		return
	}
	to := *c.ancestor
	if c == s.cursors[0] && !s.documentsBackTo(l, to) {
		return
	}
	c.send(l, messages.Transition{To: to, View: s.view})
}

// documentsBackTo says whether all of the stream's documents stand at or before a
// place that the log is to go back to; those that stand beyond are sent back.
func (s *subject) documentsBackTo(l *life, to markets.Place) bool {
	ready := true
	for _, c := range s.cursors[1:] {
		switch {
		case !c.subscribed || c.out > 0:
			ready = false
		case c.sent.Seq > to.Seq:
			c.send(l, messages.Transition{To: to, View: s.view})
			ready = false
		}
	}
	return ready
}

// seek looks for a cursor's place, or the newest before it, on the chain.
func (s *subject) seek(l *life, c *cursor) {
	c.seeking = true
	view, at, sub, trail := s.view, c.sent, c.Subscription, c.trail
	l.do(func(ctx context.Context) any {
		on, ok, err := s.chain.Ancestor(ctx, view, trail, -1)
		if err == nil && !ok {
			err = fmt.Errorf("not even its oldest place, %d, is on the chain", trail[0].Seq)
		}
		return found{c, sub, at, view, on, err}
	})
}

// settle takes in where a cursor's place was found.
func (s *subject) settle(l *life, f found) {
	c := f.of
	c.seeking = false
	switch {
	case errors.Is(f.err, chains.ErrAhead), errors.Is(f.err, chains.ErrReorganised):
		c.unfound = s.view // another view will tell, or the next tick
	case f.err != nil:
		l.fail(fmt.Errorf("looking for the place of %s on the chain: %w", c.name, f.err))
	case f.sub != c.Subscription, f.at != c.sent, !s.stillOn(f):
		return
	case f.on == c.sent:
		c.final = f.on.Seq <= s.view.Final.Seq
	default:
		level := slog.LevelDebug
		if c == s.cursors[0] { // once a stream
			level = slog.LevelInfo
		}
		l.log.Log(l.ctx, level, "rolling back", "stream", s.id(), "observer", c.name, "from", c.sent.Seq, "to", f.on.Seq, "depth", c.sent.Seq-f.on.Seq)
		c.ancestor = &f.on
	}
}

// stillOn says whether what was found by an earlier view holds on this one.
func (s *subject) stillOn(f found) bool {
	if f.view.Breaks != s.view.Breaks {
		return false
	}
	return f.on.Seq <= f.view.Final.Seq || s.view.Stand(f.on) == chains.On
}

// readOn reads what is needed next: for the window, and for each observer that is
// not in step with it.
func (s *subject) readOn(l *life) {
	if s.stalled == s.view {
		return
	}
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
		s.window = nil
	}
	if !s.reading && len(s.window) < s.Ahead {
		s.reading = s.readFrom(l, nil, s.window.end(log.sent), -1)
	}
}

// readAlone reads for an observer that is not in step, up to where it will be.
func (s *subject) readAlone(l *life, c *cursor) {
	if !c.subscribed || c.reading || c.alone.next(c.sent) || s.stand(c) != chains.On || s.window.holds(c.sent) {
		return
	}
	log := s.cursors[0]
	through := log.acked.Seq
	if len(s.window) > 0 {
		through = min(through, s.window[0].from.Seq)
	}
	if log.subscribed && c.sent.Seq < through {
		c.reading = s.readFrom(l, c, c.sent, through)
	}
}

// readFrom reads behind a place, if the chain is known to have come further.
func (s *subject) readFrom(l *life, of *cursor, after markets.Place, through int64) bool {
	if after.Height() >= s.view.Head.Height() {
		return false
	}
	view := s.view
	l.do(func(ctx context.Context) any {
		raw, err := s.chain.Read(ctx, view, s.Source, after, through, s.Events)
		if err != nil {
			return read{page: page{from: after}, of: of, err: fmt.Errorf("reading on from %d: %w", after.Seq, err)}
		}
		return read{page: page{after, raw.To, raw.To.Seq <= view.Final.Seq, s.decode(raw.Raws)}, of: of, breaks: view.Breaks}
	})
	return true
}

// take takes in what was read, unless things have changed since.
func (s *subject) take(l *life, r read) {
	if r.of == nil {
		s.reading = false
	} else {
		r.of.reading = false
	}
	switch {
	case errors.Is(r.err, chains.ErrAhead), errors.Is(r.err, chains.ErrReorganised):
		s.stalled = s.view
		return
	case r.err != nil:
		l.fail(r.err)
	case r.to == r.from:
		s.stalled = s.view
		return
	}
	if !r.on(s.view, r.breaks < s.view.Breaks) {
		return
	}
	if r.of != nil {
		r.of.alone = r.page
		return
	}
	if r.from != s.window.end(s.cursors[0].sent) {
		return
	}
	if r.to.Seq == r.from.Seq { // the chain goes on, the stream does not
		s.stalled, s.ended = s.view, r.to
		if s.caughtUp && time.Since(s.idle) < s.Idle {
			return
		}
		s.idle = time.Now()
	}
	s.window = append(s.window, r.page)
}

// decode makes a batch of raw events.
func (s *subject) decode(raws []markets.Raw) *messages.Batch {
	events, failures := s.DecodeAll(raws)
	b := &messages.Batch{Events: events}
	for _, f := range failures {
		raw, err := json.Marshal(f.Transaction)
		if err != nil {
			raw, _ = json.Marshal(err.Error())
		}
		b.Letters = append(b.Letters, markets.DeadLetter{
			Chain: s.market.Chain, Market: s.market.Market, Stream: s.Name,
			Seq: f.Raw.Seq, Position: f.Raw.Position, Block: f.Raw.Block, Transaction: f.Raw.Transaction, Time: f.Raw.Time.Truncate(markets.Precision),
			Reason: f.Reason.Error(), Raw: raw,
		})
	}
	return b
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

// report says on the subject's document where the stream stands. It is for people
// to read, and never read back.
func (s *subject) report(l *life) {
	if s.view != nil {
		l.say(s.reportOn(l))
	}
}

func (s *subject) reportOn(l *life) persistence.Report {
	least, known := s.least()
	if !known { // as it said before
		least = l.doc.Place
	}
	at := least
	if sameBlock(at, s.ended) {
		at.Through = max(at.Through, s.ended.Through)
	}
	r := progress(s.view, at)
	r.Place = &least
	return r
}

// least is the least of the observers' places, once all of them have said theirs.
func (s *subject) least() (markets.Place, bool) {
	least := s.cursors[0].acked
	for _, c := range s.cursors {
		if !c.subscribed {
			return markets.Place{}, false
		}
		if !c.acked.Reaches(least) {
			least = c.acked
		}
	}
	return least, true
}

func (s *subject) id() string { return s.market.Chain + "/" + s.market.Market + "/" + s.Name }

// progress is what the view tells of an actor that stands at a place.
func progress(view *chains.View, at markets.Place) persistence.Report {
	return standing(persistence.Report{Head: view.Head.Height(), Finalized: view.Final.Height()}, at)
}

// standing is the report of an actor that stands at a place of a chain last seen
// as a report says.
func standing(chain persistence.Report, at markets.Place) persistence.Report {
	r := persistence.Report{
		Status: persistence.Backfilling, Head: chain.Head, Finalized: chain.Finalized,
		Lag: max(0, chain.Head-at.Height()),
	}
	if at.Height() >= r.Finalized {
		r.Status = persistence.Following
	}
	return r
}
