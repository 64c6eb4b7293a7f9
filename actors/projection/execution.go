// Package projection makes the transitions of a stream's observers durable: those of its
// log, and those of its market's documents.
//
// Guaranteed:
//   - each commit is one transaction: what the transition makes of the log or the
//     documents, together with a conditional update of the observer's own document (P4);
//   - a transition of many documents is made in portions, each a commit. Until the last
//     one the observer's document keeps the place From and has To as pending, so that an
//     interrupted transition is finished from the document and the log alone;
//   - all commits to a market's documents also count on the document of its orders (P6).
//     A cache of orders is therefore right as long as the commits succeed, and is dropped
//     when the outcome of one is unknown.
//
// A batch of 9 orders from block 7 to 8, in portions of 4:
//
//	commit  orders written  observer's document   orders' document
//	1       0 to 3          at 7, pending 8       12 → 13
//	2       4 to 7          at 7, pending 8       13 → 14
//	3       8               at 8                  14 → 15
//
// A process that dies after the second commit starts at 7 with 8 pending: it resumes the
// batch, whose events are in the log, and folds the nine orders again with the same result.
package projection

import (
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Execution is a transition with its effect on the document of the observer that makes it.
type Execution struct {
	markets.Transition
	Observer persistence.ActorRef
	Trail    markets.Trail // at To
	Report   persistence.Report
}

// Execute is the execution of a transition by an observer with a trail up to From.
func Execute(t markets.Transition, observer persistence.ActorRef, trail markets.Trail, report persistence.Report) Execution {
	e := Execution{Transition: t, Observer: observer, Report: report}
	if t.Kind == markets.RollbackTransition {
		e.Trail = trail.Cut(t.To)
	} else {
		e.Trail = trail.Push(t.To)
	}
	return e
}

// Interrupted is the transition that was interrupted when an observer's document was last
// written, if there is one. A rollback is repeated, a batch is resumed.
func Interrupted(a persistence.Actor) (markets.Transition, bool) {
	if a.Pending == nil {
		return markets.Transition{}, false
	}
	kind := markets.ResumeTransition
	if a.Pending.Seq < a.Seq {
		kind = markets.RollbackTransition
	}
	return markets.Transition{Kind: kind, Chain: a.Chain, Market: a.Market, Stream: a.Stream, From: a.Place, To: *a.Pending}, true
}

func (e Execution) market() persistence.MarketRef {
	return persistence.MarketRef{Chain: e.Chain, Market: e.Market}
}

// portion returns the effect of a portion of the transition on the observer's document.
// Before the last portion, the document keeps its place and names the pending one.
func (e Execution) portion(last bool, events, deadLetters int) persistence.Move {
	m := e.condition()
	m.Events, m.DeadLetters = int64(events), int64(deadLetters)
	if last {
		m.To, m.Trail = e.To, e.Trail
	} else {
		m.Pending = &e.To
	}
	return m
}

// condition is what must be true of the observer's document for a commit: it is the
// incarnation's own, and at From.
func (e Execution) condition() persistence.Move {
	return persistence.Move{Actor: e.Observer, From: e.From, To: e.From, Report: e.Report}
}

func (e Execution) unknownKind() error { return fmt.Errorf("transition of unknown kind %d", e.Kind) }
