package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// observer executes one projection of one stream: it makes the transitions that
// its subject sends, one after the other and only from the place at which it
// stands, and acknowledges each when it is durable.
type observer struct {
	stream
	name    string
	subject *actor.PID
	project projection

	at           markets.Place
	trail        markets.Trail
	final        int64 // the height that was final at the last commit; -1: unknown
	subscription messages.Subscription
	waiting      []messages.Transition
	busy         bool
	resubscribe  bool // subscribe when no longer busy
}

// projection is what an observer makes of its stream. execute makes a transition
// durable, together with the observer's own document, and answers the observer
// with executed or an error.
type projection interface {
	execute(l *life, t transition)
	receive(l *life, message any)
}

// transition is a move of an observer, ready to be executed.
type transition struct {
	observer persistence.ActorRef
	from, to markets.Place
	trail    markets.Trail // as it is at to
	report   persistence.Report
	// batch is what lies between the places; nil for a rollback, and for a
	// transition that was interrupted: what is between is in the log then.
	batch *messages.Batch
}

// move is the transition's effect on the observer's own document.
func (t transition) move() persistence.Move {
	return persistence.Move{Actor: t.observer, From: t.from, To: t.to, Trail: t.trail, Report: t.report}
}

// portion is the effect of a portion of the transition: until the last one the
// observer stays, and its document says what is under way.
func (t transition) portion(last bool, events, letters int) persistence.Move {
	m := t.move()
	m.Events, m.DeadLetters = int64(events), int64(letters)
	if !last {
		m.To, m.Pending, m.Trail = t.from, &t.to, nil
	}
	return m
}

func (t transition) back() bool { return t.to.Seq < t.from.Seq }

// executed is a projection's answer: the observer now stands at the place.
type executed struct {
	at    markets.Place
	trail markets.Trail
	final int64
}

// executed is the answer when the transition is durable.
func (t transition) executed() executed { return executed{t.to, t.trail, finalOf(t.report)} }

// finalOf is the height that was final as of a report; -1 if it does not tell.
func finalOf(r persistence.Report) int64 {
	if r.Finalized == 0 {
		return -1
	}
	return r.Finalized
}

func (o *observer) begin(l *life) {
	o.at, o.trail, o.final = l.doc.Place, l.doc.Trail, finalOf(l.doc.Report)
	if len(o.trail) == 0 {
		o.trail = markets.Trail{o.at}
	}
	report := standing(l.doc.Report, o.at)
	if pending := l.doc.Pending; pending != nil {
		o.resubscribe = true
		o.execute(l, transition{to: *pending, report: report}, nil)
		return
	}
	l.say(report)
	o.subscribe(l)
}

func (o *observer) end(*life) {}

func (o *observer) receive(l *life, message any) {
	switch m := message.(type) {
	case messages.Resubscribe:
		if o.resubscribe = o.busy; !o.busy {
			o.subscribe(l)
		}
	case messages.Transition:
		if m.Subscription == o.subscription {
			o.waiting = append(o.waiting, m)
			o.next(l)
		}
	case executed:
		o.busy = false
		o.arrive(l, m)
		o.next(l)
	default:
		o.project.receive(l, message)
	}
}

// subscribe tells the subject where the observer stands. What was said to it
// before is void.
func (o *observer) subscribe(l *life) {
	o.waiting, o.resubscribe = nil, false
	o.subscription = messages.Subscription{Incarnation: l.doc.Incarnation, Number: o.subscription.Number + 1}
	l.Send(o.subject, messages.Subscribe{Observer: o.name, Subscription: o.subscription, At: o.at, Trail: o.trail, Finalized: o.final})
}

// next begins the next transition that was sent.
func (o *observer) next(l *life) {
	for !o.busy && len(o.waiting) > 0 {
		t := o.waiting[0]
		o.waiting = o.waiting[1:]
		switch o.at {
		case t.From:
			o.execute(l, transition{to: t.To, batch: t.Batch, report: o.reportOn(t)}, t.View)
		case t.To:
			o.acknowledge(l)
		default:
			o.subscribe(l)
		}
	}
}

// reportOn is the report of an observer that makes a transition. Of what it has
// written no more is final than where a rollback leads: until that is through, its
// documents hold what was abandoned.
func (o *observer) reportOn(t messages.Transition) persistence.Report {
	r := progress(t.View, t.To)
	if t.To.Seq < t.From.Seq {
		r.Finalized = min(r.Finalized, t.To.Seq)
	}
	return r
}

// execute makes a transition that was sent by a view, if it was sent.
func (o *observer) execute(l *life, t transition, view *chains.View) {
	o.busy = true
	l.report = t.report
	t.observer, t.from = l.doc.Ref(), o.at
	t.trail = trailTo(o.trail, o.at, t.to)
	if view != nil {
		if final, known := finalBelow(view, t.to); known {
			t.trail = t.trail.With(final)
		}
	}
	o.project.execute(l, t)
}

// trailTo is the trail of an observer that goes from one place to another.
func trailTo(trail markets.Trail, from, to markets.Place) markets.Trail {
	if to.Seq < from.Seq {
		return trail.Cut(to)
	}
	return trail.Push(to)
}

// arrive notes that the observer now stands at a place, durably.
func (o *observer) arrive(l *life, e executed) {
	o.at, o.trail, o.final = e.at, e.trail, e.final
	l.well()
	if o.resubscribe {
		o.subscribe(l)
		return
	}
	o.acknowledge(l)
}

func (o *observer) acknowledge(l *life) {
	l.Send(o.subject, messages.Ack{Observer: o.name, Subscription: o.subscription, At: o.at})
}

// logProjection is the activity observer's: it keeps the log.
type logProjection struct{ stream }

func (p logProjection) execute(l *life, t transition) {
	l.do(func(ctx context.Context) any {
		commit := p.append
		if t.back() {
			commit = p.truncate
		}
		if err := commit(ctx, l.store, t); err != nil {
			return fmt.Errorf("committing the log: %w", err)
		}
		p.logLetters(l.log, t)
		return t.executed()
	})
}

// logLetters says that events could not be decoded: a line a batch, as a contract
// that has changed has nothing else.
func (p logProjection) logLetters(log *slog.Logger, t transition) {
	if t.batch == nil || len(t.batch.DeadLetters) == 0 {
		return
	}
	first := t.batch.DeadLetters[0]
	log.Warn("events that cannot be decoded are dead letters now", "stream", first.Chain+"/"+first.Market+"/"+first.Stream,
		"count", len(t.batch.DeadLetters), "first", first.ID(), "reason", first.Reason)
}

func (p logProjection) receive(*life, any) {}

// append adds a batch to the log.
func (p logProjection) append(ctx context.Context, store persistence.Store, t transition) error {
	if t.batch == nil {
		return errors.New("no batch to append")
	}
	activities := make([]markets.Activity, len(t.batch.Events))
	for i, e := range t.batch.Events {
		activities[i] = markets.Activity{Chain: p.market.Chain, Market: p.market.Market, Event: e}
	}
	m := t.portion(true, len(activities), len(t.batch.DeadLetters))
	return store.Commit(ctx, p.market, []persistence.Move{m}, func(tx persistence.Tx) error {
		return p.enter(tx, activities, t.batch.DeadLetters)
	})
}

// enter adds activities to the log, and tells people of what concerns them.
func (p logProjection) enter(tx persistence.Tx, activities []markets.Activity, letters []markets.DeadLetter) error {
	if err := tx.Append(activities, letters); err != nil || !p.Notifies {
		return err
	}
	var told []markets.Notification
	for _, a := range activities {
		told = append(told, markets.Notifications(a)...)
	}
	return tx.Notify(told)
}

// truncate takes what lies behind a place out of the log, in portions.
func (p logProjection) truncate(ctx context.Context, store persistence.Store, t transition) error {
	for last := false; !last; {
		moves := []persistence.Move{t.move()}
		err := store.Commit(ctx, p.market, moves, func(tx persistence.Tx) error {
			activities, letters, err := tx.Truncate(p.Name, t.to.Seq, p.Portion)
			last = activities+letters < p.Portion
			moves[0] = t.portion(last, -activities, -letters)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
