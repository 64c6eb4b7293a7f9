package actors

import (
	"fmt"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// fail notes that work on the chain has failed, and will be done again.
func (s *subject) fail(l *life, a *attempt, err error) {
	delay := a.failed(err, l.supervision.backoff, s.Tick)
	a.in(l, delay)
	l.supervision.logRepeat(a.failures, "chain cannot be read, trying again", "stream", s.id(), "reason", oneLine(err), "failures", a.failures, "in", delay.Round(time.Millisecond))
}

// attempts are all that the subject does on the chain.
func (s *subject) attempts() []*attempt {
	all := []*attempt{&s.reads}
	for _, c := range s.cursors {
		all = append(all, &c.lookup, &c.reads)
	}
	return all
}

// trouble is the state that the subject's attempts leave it in and why, if that is not
// the ordinary one.
func (s *subject) trouble() (state, reason string) {
	reason = s.stuck
	for _, a := range s.attempts() {
		switch {
		case a.finality != nil:
			return persistence.FinalityBroken, oneLine(a.finality)
		case a.failures > 0:
			reason = oneLine(a.err)
		}
	}
	if reason != "" {
		state = persistence.Retrying
	}
	return state, reason
}

// tell tells at once of trouble that begins or ends.
func (s *subject) tell(l *life, now time.Time) {
	state, reason := s.trouble()
	if broken := state == persistence.FinalityBroken; broken != s.broken {
		s.broken = broken
		logFinality(l, broken, reason, "stream", s.id())
	}
	standing := s.stuck
	if s.broken {
		standing = reason
	}
	l.health.note(l.claim.ID, standing)
	if was := l.report.Status == persistence.Retrying || l.report.Status == persistence.FinalityBroken; was != (state != "") {
		s.report(l)
	}
}

// logFinality logs that finality is broken, or no longer.
func logFinality(l *life, broken bool, reason string, args ...any) {
	if broken {
		l.log.Error("finality is broken: nothing is rolled back until that is confirmed", append(args, "reason", reason)...)
	} else {
		l.log.Info("finality is no longer in question", args...)
	}
}

// standOf says whether an observer has stood at its place for too long.
func (s *subject) standOf(c *cursor, now time.Time) bool {
	at, rests := c.acked, false
	if !c.subscribed { // as it said before
		at = s.stands[c.name].at
	} else if log := s.cursors[0]; c == log || !log.subscribed {
		rests = at.Height() >= s.view.Head.Height()
	} else {
		rests = at.Reaches(log.acked)
	}
	return s.stands[c.name].holds(at, rests, now, s.Stuck)
}

// notice looks whether the stream stands although the chain goes on.
func (s *subject) notice(l *life, now time.Time) {
	if s.view == nil {
		return
	}
	was := s.stuck
	s.stuck = ""
	for _, c := range s.cursors {
		if !s.standOf(c, now) {
			continue
		}
		s.stuck = fmt.Sprintf("%s stands at %d: %s", c.name, s.stands[c.name].at.Seq, s.why(l, c))
		if s.stands[c.name].warns(now, s.Stuck) {
			l.log.Warn("stream stands although its chain goes on", "stream", s.id(), "observer", c.name, "at", s.stands[c.name].at.Seq,
				"head", s.view.Head.Height(), "since", s.stands[c.name].since.UTC().Format(time.RFC3339), "reason", s.why(l, c))
		}
	}
	if was != "" && s.stuck == "" {
		l.log.Info("stream goes on", "stream", s.id())
	}
	s.tell(l, now)
}

// why is the reason for which an observer does not get on, as far as is known here.
func (s *subject) why(l *life, c *cursor) string {
	reads := &c.reads
	if c == s.cursors[0] || s.window.holds(c.sent) {
		reads = &s.reads
	}
	switch failure := l.supervision.failures.get(keyOf(c.pid)); {
	case c.lookup.err != nil:
		return oneLine(c.lookup.err)
	case c.subscribed && c.out() == 0 && reads.err != nil:
		return oneLine(reads.err)
	case (!c.subscribed || c.out() > 0) && failure.inARow > 0:
		return failure.reason
	case !c.subscribed:
		return "it has not said where it stands"
	case c.out() > 0:
		return "what it was sent is not executed"
	case c.lookup.busy:
		return "looking for its place on the chain takes that long"
	case reads.busy:
		return "reading from the chain takes that long"
	}
	return "it waits for the log"
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
	if state, reason := s.trouble(); state != "" {
		r.Status, r.LastError = state, reason
	}
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
