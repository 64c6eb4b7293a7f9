package actors

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// probe stands in for one actor of a stream and shows what the others say to it.
type probe struct {
	t      *testing.T
	w      *world
	shared *shared
	pid    *actor.PID
	heard  chan any
}

func newProbe(t *testing.T) *probe {
	w := calm(t, "buy")
	p := &probe{t: t, w: w, heard: make(chan any, 100)}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	t.Cleanup(system.Shutdown)
	env := &supervision.Env{
		System: system, Store: w.store, Log: system.Logger(), Node: "test",
		Strategy: supervision.New(supervision.Backoff{Min: time.Millisecond, Max: time.Millisecond}, system.Logger()),
	}
	p.shared = &shared{env, NewHealth(), budget.New(DefaultMemory), nil}
	p.pid = system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case messages.Subscribe, messages.Ack, messages.Execute, messages.Resubscribe:
			p.heard <- m
		}
	}))
	return p
}

func (p *probe) worker() worker {
	return worker{
		shared: p.shared, epoch: func(context.Context) (int64, error) { return 1, nil },
		stream: stream{Stream: p.w.streamOf("buy"), market: refOfWorld, chain: p.w.chain, Tuning: Tuning{Credit: 2, Ahead: 3, Events: 10, Portion: 10, Tick: time.Millisecond}},
	}
}

func (p *probe) send(to *actor.PID, message any) { p.shared.System.Root.Send(to, message) }

// hear waits for the next message, which must be of type T.
func hear[T any](p *probe) T {
	p.t.Helper()
	select {
	case m := <-p.heard:
		v, ok := m.(T)
		if !ok {
			p.t.Fatalf("heard %#v, want a %T", m, v)
		}
		return v
	case <-time.After(patience):
		p.t.Fatalf("heard nothing")
	}
	panic("unreachable")
}

// silence checks that nothing is said for a moment. It can overlook what comes
// late, but never fails without cause.
func (p *probe) silence() {
	p.t.Helper()
	select {
	case m := <-p.heard:
		p.t.Fatalf("heard %#v, want nothing", m)
	case <-time.After(20 * time.Millisecond):
	}
}

func at(seq int64, hash string) markets.Place { return markets.Place{Seq: seq, Hash: hash} }

func batchOf(s messages.Subscription, from, to markets.Place, events ...markets.Event) messages.Execute {
	for i := range events {
		events[i].Seq, events[i].Position.Height, events[i].Block = to.Seq, to.Seq, to.Hash
	}
	return messages.Execute{
		Subscription: s, Transition: transitionOfWorld(markets.BatchTransition, from, to, &markets.Batch{Events: events}),
		View: chains.NewView(0, []string{"0", "1", "2"}),
	}
}

func transitionOfWorld(kind markets.TransitionKind, from, to markets.Place, b *markets.Batch) markets.Transition {
	return markets.Transition{Kind: kind, Chain: "chain", Market: "market", Stream: "buy", From: from, To: to, Batch: b}
}

// P1, the observer's side.
func TestAnObserverMovesOnlyFromWhereItStands(t *testing.T) {
	p := newProbe(t)
	observer := p.shared.System.Root.Spawn(p.worker().observerProps(activity, p.pid))
	s := hear[messages.Subscribe](p)
	if s.At != at(0, "") {
		t.Fatalf("it begins at %v", s.At)
	}
	first := batchOf(s.Subscription, s.At, at(1, "1"), bought("a", "1"))
	p.send(observer, first)
	p.send(observer, first) // twice
	for range 2 {
		if ack := hear[messages.Ack](p); ack.At != at(1, "1") || ack.Subscription != s.Subscription {
			t.Fatalf("acknowledged %+v", ack)
		}
	}
	if n := len(load(p.w, "activities", markets.Activity.ID)); n != 1 {
		t.Fatalf("%d activities after a batch that came twice", n)
	}

	p.send(observer, batchOf(s.Subscription, at(2, "2"), at(3, "3"))) // a gap
	s2 := hear[messages.Subscribe](p)
	if s2.At != at(1, "1") || s2.Subscription == s.Subscription {
		t.Fatalf("after a gap it subscribes %+v", s2)
	}
	p.send(observer, batchOf(s2.Subscription, at(1, "other"), at(2, "2"))) // the same seq of another branch
	s3 := hear[messages.Subscribe](p)
	if s3.At != at(1, "1") || s3.Incarnation != s.Incarnation { // and not because its commit was fenced off
		t.Fatalf("asked to go on from another branch it subscribes %+v", s3)
	}
	p.send(observer, batchOf(s2.Subscription, at(1, "1"), at(2, "2"))) // of an earlier subscription
	p.silence()
	p.send(observer, messages.Execute{Subscription: s3.Subscription, Transition: transitionOfWorld(markets.RollbackTransition, at(1, "1"), at(0, ""), nil), View: first.View})
	if ack := hear[messages.Ack](p); ack.At != at(0, "") {
		t.Fatalf("rolled back to %v", ack.At)
	}
	if n := len(load(p.w, "activities", markets.Activity.ID)); n != 0 {
		t.Fatalf("%d activities after the rollback", n)
	}
	p.send(observer, messages.Resubscribe{})
	if s4 := hear[messages.Subscribe](p); s4.At != at(0, "") || s4.Subscription == s3.Subscription {
		t.Fatalf("asked where it stands it says %+v", s4)
	}
}

// watchSubject starts a subject whose observers, the log's and order-buy, are the probe.
func (p *probe) watchSubject() *actor.PID {
	p.t.Helper()
	w := p.worker()
	parent := p.shared.System.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Started); ok {
			for _, name := range []string{activity, "order-buy"} {
				_, err := c.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
					switch m := c.Message().(type) {
					case messages.Execute:
						p.heard <- sent{name, m}
					case messages.Resubscribe:
						p.heard <- m
					}
				}), name)
				if err != nil {
					panic(err)
				}
			}
			if _, err := c.SpawnNamed(w.subjectProps(c.Self()), "subject"); err != nil {
				panic(err)
			}
		}
	}))
	hear[messages.Resubscribe](p)
	hear[messages.Resubscribe](p)
	return supervision.ChildOf(parent, "subject")
}

// P3: a subject ignores acks that belong to subscriptions from before its restart.
func TestARestartedSubjectIgnoresEarlierAcks(t *testing.T) {
	p := newProbe(t)
	p.w.mine(block(bought("a", "1")), block(bought("a", "1")))
	p.w.chain.single = true
	subject := p.watchSubject()
	view, err := p.w.chain.Advance(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	earlier, now := messages.Subscription{Incarnation: 1, Number: 1}, messages.Subscription{Incarnation: 1, Number: 2}
	p.send(subject, messages.Head{View: view})
	for _, observer := range []string{activity, "order-buy"} {
		p.send(subject, messages.Ack{Observer: observer, Subscription: earlier, At: at(1, "1-0")})
		p.send(subject, messages.Ack{Observer: observer, At: at(1, "1-0")}) // of no subscription
	}
	p.silence()
	p.send(subject, messages.Subscribe{Observer: activity, Subscription: now, Trail: markets.Trail{{}}})
	if m := hear[sent](p); m.to != activity || m.From != at(0, "") || m.Subscription != now {
		t.Fatalf("sent %+v, want the first batch", m)
	}
}

// P1, P2 and P5, the subject's side: here are both of its observers.
func TestASubjectMovesItsObserversWithinTheirCredit(t *testing.T) {
	p := newProbe(t)
	for range 6 {
		p.w.chain.mine(bought("a", "1"))
	}
	p.w.chain.single = true
	subject := p.watchSubject()
	view, err := p.w.chain.Advance(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	one := messages.Subscription{Incarnation: 1, Number: 1}
	start := markets.Trail{{}}
	p.send(subject, messages.Head{View: view})
	p.send(subject, messages.Subscribe{Observer: activity, Subscription: one, Trail: start})
	p.send(subject, messages.Subscribe{Observer: "order-buy", Subscription: one, Trail: start})

	first, second := hear[sent](p), hear[sent](p)
	if first.to != activity || second.to != activity || second.From != first.To {
		t.Fatalf("sent %v and %v, want two batches in a row for the log alone", first, second)
	}
	p.silence() // credit is 2, and the log has executed nothing yet

	p.send(subject, messages.Ack{Observer: activity, Subscription: messages.Subscription{Number: 7}, At: second.To})
	p.silence() // another subscription

	p.send(subject, messages.Ack{Observer: activity, Subscription: one, At: first.To})
	got := map[string]messages.Execute{}
	for range 2 {
		m := hear[sent](p)
		got[m.to] = m.Execute
	}
	if got[activity].From != second.To || got["order-buy"].From != (markets.Place{}) || got["order-buy"].To != first.To {
		t.Fatalf("after the log's ack: %+v", got)
	}
	p.silence() // the documents may not have what the log has not executed

	// The documents stand on an abandoned block: they go back before anything else.
	two := messages.Subscription{Incarnation: 2, Number: 1}
	stray := at(2, "2-abandoned")
	p.send(subject, messages.Subscribe{Observer: "order-buy", Subscription: two, At: stray, Trail: markets.Trail{{}, stray}})
	if m := hear[sent](p); m.to != "order-buy" || m.Kind != markets.RollbackTransition || m.From != stray || m.To != (markets.Place{}) || m.Subscription != two {
		t.Fatalf("sent %+v, want a rollback", m)
	}
}

// P5, backwards: the log goes back once the documents have.
func TestTheLogIsRolledBackLast(t *testing.T) {
	p := newProbe(t)
	p.w.mine(block(bought("a", "1")), block(bought("a", "1")))
	subject := p.watchSubject()
	view, err := p.w.chain.Advance(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	one, stray := messages.Subscription{Incarnation: 1, Number: 1}, at(2, "2-abandoned")
	p.send(subject, messages.Head{View: view})
	for _, observer := range []string{activity, "order-buy"} { // the log first
		p.send(subject, messages.Subscribe{Observer: observer, Subscription: one, At: stray, Trail: markets.Trail{{}, stray}})
	}
	for _, observer := range []string{"order-buy", activity} {
		m := hear[sent](p)
		if m.to != observer || m.Kind != markets.RollbackTransition || m.From != stray || m.To != at(0, "") {
			t.Fatalf("sent %+v, want the rollback of %s", m, observer)
		}
		if observer == "order-buy" {
			p.silence() // it is not acknowledged yet
		}
		p.send(subject, messages.Ack{Observer: observer, Subscription: one, At: m.To})
	}
	if m := hear[sent](p); m.to != activity || m.Kind != markets.BatchTransition {
		t.Fatalf("sent %+v, want a batch for the log", m)
	}
}

// sent is a transition that was sent, and to which observer.
type sent struct {
	to string
	messages.Execute
}
