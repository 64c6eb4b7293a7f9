package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// fail notes that work on the chain has failed, and has it repeated.
func (s *subject) fail(inc *supervision.Incarnation, a *attempt, err error) {
	delay := a.failed(err, inc.Strategy.Backoff, s.Tick)
	a.retryIn(inc, delay)
	inc.Strategy.LogRepeat(a.failures, "chain cannot be read, trying again", "stream", s.id(), "reason", supervision.OneLine(err), "failures", a.failures, "in", delay.Round(time.Millisecond))
}

// attempts are all that the subject does on the chain.
func (s *subject) attempts() []*attempt {
	all := []*attempt{&s.reads}
	for _, c := range s.cursors {
		all = append(all, &c.lookup, &c.reads)
	}
	return all
}

// trouble is the state of a subject that has trouble, and why; empty where it has none.
func (s *subject) trouble() (state, reason string) {
	reason = s.condition.stalled
	for _, a := range s.attempts() {
		switch {
		case a.violation != nil:
			return persistence.FinalityBroken, supervision.OneLine(a.violation)
		case a.failures > 0:
			reason = supervision.OneLine(a.err)
		}
	}
	if reason != "" {
		state = persistence.Retrying
	}
	return state, reason
}

// announceTrouble announces trouble as soon as it begins or ends.
func (s *subject) announceTrouble(inc *supervision.Incarnation, now time.Time) {
	state, reason := s.trouble()
	s.condition.announce(inc, state, reason, "stream", s.id())
	if was := inc.Report.Status == persistence.Retrying || inc.Report.Status == persistence.FinalityBroken; was != (state != "") {
		s.report(inc)
	}
}

// isStalled reports whether an observer has been at its place for too long. The log may
// rest at the head, and while it waits for other streams; the documents where their log is.
func (s *subject) isStalled(c *cursor, now time.Time) bool {
	at, rests := c.acked, false
	if !c.subscribed { // as it said before
		at = s.stalls[c.name].at
	} else if log := s.log(); c == log || !log.subscribed {
		rests = at.Height() >= s.view.Head.Height() || c.inFlight() == 0 && errors.Is(s.reads.err, chains.ErrWaits)
	} else {
		rests = at.Reaches(log.acked)
	}
	return s.stalls[c.name].check(at, rests, now, s.Stuck)
}

// checkStalled looks whether the stream is stalled although the chain advances.
func (s *subject) checkStalled(inc *supervision.Incarnation, now time.Time) {
	if s.view == nil || s.paused {
		return
	}
	s.condition.stalled = ""
	since := now
	for _, c := range s.cursors {
		if !s.isStalled(c, now) {
			continue
		}
		stall, reason := s.stalls[c.name], s.stallReason(inc, c)
		if stall.since.Before(since) {
			since = stall.since
		}
		s.condition.stalled = fmt.Sprintf("%s is stalled at %d: %s", c.name, stall.at.Seq, reason)
		if level := stall.level(); stall.warns(now, s.Stuck) {
			inc.Log.Log(context.Background(), level, "stream is stalled although its chain advances", "stream", s.id(), "observer", c.name, "at", stall.at.Seq,
				"head", s.view.Head.Height(), "since", stall.since.UTC().Format(time.RFC3339), "reason", reason)
		}
	}
	if lasted := s.condition.noteStall(since, now); lasted > 0 {
		inc.Log.Info("stream advances again", "stream", s.id(), outage.Lasted, lasted)
	}
	s.announceTrouble(inc, now)
}

// stallReason is why an observer makes no progress, as far as is known here.
func (s *subject) stallReason(inc *supervision.Incarnation, c *cursor) string {
	reads := &c.reads
	if c == s.log() || s.window.holds(c.sent) {
		reads = &s.reads
	}
	switch failure := inc.Strategy.Failures.Get(supervision.KeyOf(c.pid)); {
	case c.lookup.err != nil:
		return supervision.OneLine(c.lookup.err)
	case c.subscribed && c.inFlight() == 0 && reads.err != nil:
		return supervision.OneLine(reads.err)
	case (!c.subscribed || c.inFlight() > 0) && failure.InARow > 0:
		return failure.Reason
	case !c.subscribed:
		return "it has not said its place"
	case c.inFlight() > 0:
		return "what it was sent is not executed yet"
	case c.lookup.busy:
		return "still looking for its place on the chain"
	case reads.busy:
		return "still reading from the chain"
	}
	return "it waits for the log"
}

// report puts the stream's progress on the subject's document. It is for people to read,
// and never an input (P3).
func (s *subject) report(inc *supervision.Incarnation) {
	if s.view != nil {
		inc.SetReport(s.currentReport(inc))
	}
}

func (s *subject) currentReport(inc *supervision.Incarnation) persistence.Report {
	least, known := s.least()
	if !known { // as it said before
		least = inc.Doc.Place
	}
	at := least
	if sameBlock(at, s.ended) {
		at.Through = max(at.Through, s.ended.Through)
	}
	r := progress(reportOf(s.view), at)
	r.Place = &least
	if s.paused {
		r.Status = persistence.Paused
	}
	if state, reason := s.trouble(); state != "" {
		r.Status, r.LastError = state, reason
	}
	return r
}

// least is the least of the observers' places, once all of them have said theirs.
func (s *subject) least() (markets.Place, bool) {
	least := s.log().acked
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

// reportOf is what a view tells of its chain.
func reportOf(view *chains.View) persistence.Report {
	return persistence.Report{Head: view.Head.Height(), Finalized: view.Final.Height()}
}

// progress is the report of an actor that is at a place of a chain last seen as a report
// says.
func progress(chain persistence.Report, at markets.Place) persistence.Report {
	r := persistence.Report{
		Status: persistence.Backfilling, Head: chain.Head, Finalized: chain.Finalized,
		Lag: max(0, chain.Head-at.Height()),
	}
	if at.Height() >= r.Finalized {
		r.Status = persistence.Following
	}
	return r
}
