package actors

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// observer executes one projection of one stream: the transitions that its subject sends,
// one after the other and each only from the place at which the observer is (P1), and
// acknowledges each when it is durable.
type observer struct {
	name       string
	subject    *actor.PID
	projection observerProjection
	backlog    *backlog // of documents: what to fold from the log; nil if there is nothing

	state        observerState
	execution    projection.Execution // that is under way unless the observer is idle
	at           markets.Place
	trail        markets.Trail
	final        int64 // the height that was final at the last commit; -1: unknown
	subscription messages.Subscription
	waiting      []messages.Execute
}

// observerState is what an observer is doing.
type observerState int

const (
	// idle: everything that the subject has sent is executed and acknowledged. The next
	// transition is executed when it comes.
	idle observerState = iota
	// executing: a transition that the subject has sent is being made durable. Then it is
	// acknowledged, and the next one that waits is executed.
	executing
	// detached: a transition of which the subject knows nothing is being made durable: it
	// was interrupted in an earlier incarnation, or the subject was restarted meanwhile.
	// Then the observer subscribes with the place to which that has led.
	detached
)

// observerProjection is what an observer makes of its stream.
type observerProjection interface {
	// execute starts to make a transition durable, together with the observer's own
	// document.
	execute(inc *supervision.Incarnation, e projection.Execution)
	// executed reports whether a message tells that the transition under way is durable.
	executed(inc *supervision.Incarnation, message any) bool
}

func (o *observer) Start(inc *supervision.Incarnation) {
	o.at, o.trail, o.final = inc.Doc.Place, inc.Doc.Trail, finalOf(inc.Doc.Report)
	if len(o.trail) == 0 {
		o.trail = markets.Trail{o.at}
	}
	report := progress(inc.Doc.Report, o.at)
	if interrupted, ok := projection.Interrupted(inc.Doc); ok {
		o.state = detached
		o.execute(inc, projection.Execute(interrupted, inc.Doc.Ref(), o.trail, report))
		return
	}
	inc.SetReport(report)
	o.catchUp(inc)
}

func (o *observer) Stop(*supervision.Incarnation) {}

func (o *observer) Receive(inc *supervision.Incarnation, message any) {
	switch m := message.(type) {
	case messages.Resubscribe:
		if o.state == idle {
			o.subscribe(inc)
		} else {
			o.state = detached
		}
	case messages.Execute:
		if m.Subscription == o.subscription {
			o.waiting = append(o.waiting, m)
			o.executeNext(inc)
		}
	default:
		if o.projection.executed(inc, message) {
			o.arrive(inc)
			o.executeNext(inc)
		}
	}
}

// subscribe tells the subject the observer's place. What was sent to it before is void.
func (o *observer) subscribe(inc *supervision.Incarnation) {
	o.waiting = nil
	o.subscription = messages.Subscription{Incarnation: inc.Doc.Incarnation, Number: o.subscription.Number + 1}
	inc.Send(o.subject, messages.Subscribe{Observer: o.name, Subscription: o.subscription, At: o.at, Trail: o.trail, Finalized: o.final})
}

// executeNext starts the next transition that was sent. One that was executed before is
// acknowledged again; one that neither starts nor ends at the observer's place shows that
// the subject is mistaken about it.
func (o *observer) executeNext(inc *supervision.Incarnation) {
	for o.state == idle && len(o.waiting) > 0 {
		m := o.waiting[0]
		o.waiting = o.waiting[1:]
		switch o.at {
		case m.From:
			o.state = executing
			o.execute(inc, o.executionOf(inc, m))
		case m.To:
			o.acknowledge(inc)
		default:
			o.subscribe(inc)
		}
	}
}

// executionOf is the execution of a transition that was sent.
func (o *observer) executionOf(inc *supervision.Incarnation, m messages.Execute) projection.Execution {
	e := projection.Execute(m.Transition, inc.Doc.Ref(), o.trail, progress(reportOf(m.View), m.To))
	if m.Kind == markets.RollbackTransition {
		// Until the rollback is complete, the documents hold abandoned events: nothing
		// above its end is final.
		e.Report.Finalized = min(e.Report.Finalized, m.To.Seq)
	}
	if final, known := finalBelow(m.View, m.To); known {
		e.Trail = e.Trail.With(final)
	}
	return e
}

func (o *observer) execute(inc *supervision.Incarnation, e projection.Execution) {
	o.execution = e
	inc.Report = e.Report
	o.projection.execute(inc, e)
}

// arrive notes that the execution under way is durable.
func (o *observer) arrive(inc *supervision.Incarnation) {
	o.at, o.trail, o.final = o.execution.To, o.execution.Trail, finalOf(o.execution.Report)
	inc.Progressed()
	was := o.state
	o.state = idle
	if was == detached {
		o.catchUp(inc)
	} else {
		o.acknowledge(inc)
	}
}

// catchUp folds the backlog, if there is one, and subscribes.
func (o *observer) catchUp(inc *supervision.Incarnation) {
	to, left := o.backlog.beyond(o.at)
	if !left {
		o.subscribe(inc)
		return
	}
	o.state = detached
	t := markets.Transition{Kind: markets.ResumeTransition, Chain: inc.Doc.Chain, Market: inc.Doc.Market, Stream: inc.Doc.Stream, From: o.at, To: to}
	o.execute(inc, projection.Execute(t, inc.Doc.Ref(), o.trail, progress(inc.Doc.Report, to)))
}

func (o *observer) acknowledge(inc *supervision.Incarnation) {
	inc.Send(o.subject, messages.Ack{Observer: o.name, Subscription: o.subscription, At: o.at})
}

// finalOf is the height that was final as of a report; -1 if it does not tell.
func finalOf(r persistence.Report) int64 {
	if r.Finalized == 0 {
		return -1
	}
	return r.Finalized
}

// finalBelow is the view's final block if it is known to lead to a place.
func finalBelow(view *chains.View, at markets.Place) (markets.Place, bool) {
	return view.Final, at.Hash != "" && at.Seq >= view.Final.Seq && view.Stand(at) == chains.On
}

// logProjection is the log's: it commits by itself.
type logProjection struct {
	projection.Log
	dead *atomic.Int64 // batches with dead letters so far; it outlives restarts
}

// logged says that a transition of the log is durable.
type logged struct{}

func (p logProjection) execute(inc *supervision.Incarnation, e projection.Execution) {
	inc.Do(func(ctx context.Context) any {
		if err := p.Commit(ctx, inc.Store, e); err != nil {
			return err
		}
		if e.Kind == markets.BatchTransition {
			p.logDeadLetters(inc, e.Batch.DeadLetters)
		}
		return logged{}
	})
}

func (p logProjection) executed(_ *supervision.Incarnation, message any) bool {
	_, ok := message.(logged)
	return ok
}

// logDeadLetters logs that events could not be decoded: a line a batch, as a contract that
// has changed has nothing else. The 1st, 2nd, 4th, 8th… batch of a stream is an error, and
// the others are warnings.
func (p logProjection) logDeadLetters(inc *supervision.Incarnation, dead []markets.DeadLetter) {
	if len(dead) == 0 {
		return
	}
	level := slog.LevelWarn
	if nth := p.dead.Add(1); nth&(nth-1) == 0 {
		level = slog.LevelError
	}
	first := dead[0]
	inc.Log.Log(context.Background(), level, "events that cannot be decoded are dead letters now", "stream", first.Chain+"/"+first.Market+"/"+first.Stream,
		"count", len(dead), "first", first.ID(), "reason", first.Reason)
}
