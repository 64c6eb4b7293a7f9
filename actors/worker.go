package actors

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/factories"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// activity is the name of the observer that keeps a stream's log.
const activity = "activity"

// worker is what the actors of one stream are made of.
type worker struct {
	*shared
	stream
	epoch  supervision.Epoch
	start  markets.Place
	find   func(context.Context) (markets.Place, error) // finds the start; nil if it is known
	paused bool
	orders *actor.PID
	inherited
}

func (w worker) props() *actor.Props {
	claim := w.claim("worker", "")
	if w.find == nil {
		claim.Start = w.start
	}
	return supervision.Props(w.Env, claim, w.epoch, func() supervision.Behaviour { return &starter{worker: w} })
}

func (w worker) children(inc *supervision.Incarnation) []supervision.Child {
	subject := supervision.ChildOf(inc.Self(), "subject")
	children := []supervision.Child{
		{Name: "subject", Props: w.subjectProps(inc.Self())},
		{Name: activity, Props: w.observerProps(activity, subject)},
	}
	if w.Observer != "" {
		children = append(children, supervision.Child{Name: w.Observer, Props: w.observerProps(w.Observer, subject)})
	}
	return children
}

func (w worker) subjectProps(parent *actor.PID) *actor.Props {
	claim := w.claim("subject", "subject")
	claim.Start = w.start
	stalls := map[string]*stall{activity: {}}
	if w.Observer != "" {
		stalls[w.Observer] = &stall{}
	}
	return supervision.Props(w.Env, claim, w.epoch, func() supervision.Behaviour {
		s := &subject{stream: w.reading(), paused: w.paused, stalls: stalls, condition: condition{health: w.health}, budget: w.budget, cursors: []*cursor{newCursor(activity, parent)}}
		if w.Observer != "" {
			s.cursors = append(s.cursors, newCursor(w.Observer, parent))
		}
		return s
	})
}

// reading is the stream with the chain as an incarnation of its subject reads it.
func (w worker) reading() stream {
	s := w.stream
	s.chain = factories.NewChain(s.chain, s.market, s.Stream, w.Store)
	return s
}

func newCursor(name string, parent *actor.PID) *cursor {
	return &cursor{name: name, pid: supervision.ChildOf(parent, name)}
}

func (w worker) observerProps(name string, subject *actor.PID) *actor.Props {
	claim := w.claim("observer", name)
	claim.Start, claim.Documents = w.start, name != activity
	if !claim.Documents {
		claim.Meaning = w.Meaning
	}
	dead := new(atomic.Int64)
	return supervision.Props(w.Env, claim, w.epoch, func() supervision.Behaviour {
		o := &observer{name: name, subject: subject}
		if claim.Documents {
			o.projection, o.backlog = &documentsProjection{Tuning: w.Tuning, stream: w.Stream, orders: w.orders}, w.backlog
		} else {
			o.projection = logProjection{projection.Log{Own: w.Own, Notifies: w.Notifies, Portion: w.Portion}, dead}
		}
		return o
	})
}

func (w worker) claim(kind, name string) persistence.Claim {
	id := w.id()
	if name != "" {
		id += "/" + name
	}
	return persistence.Claim{ID: id, Kind: kind, Chain: w.market.Chain, Market: w.market.Market, Stream: w.Name}
}

// starter is the behaviour of a worker: the supervisor of a stream's actors, once the
// stream's start is known. The start is written on the worker's document before any of
// these actors has a document: all of them start there, whatever is found later.
type starter struct {
	supervision.Supervisor
	worker worker
}

// startFound has the stream's start, which is in the worker's document, and what its
// observers have executed of an earlier definition.
type startFound struct {
	at        markets.Place
	inherited inherited
}

func (b *starter) Start(inc *supervision.Incarnation) {
	at, ref := inc.Doc.Place, inc.Doc.Ref()
	inc.Do(func(ctx context.Context) any { return b.prepare(ctx, inc, ref, at) })
}

func (b *starter) Receive(inc *supervision.Incarnation, message any) {
	m, ok := message.(startFound)
	if !ok {
		b.Supervisor.Receive(inc, message)
		return
	}
	m.inherited.warn(inc, b.worker)
	w := b.worker
	w.start, w.inherited, w.paused = m.at, m.inherited, inc.Doc.Paused
	b.Children = w.children
	b.Supervisor.Start(inc)
}

// prepare finds where the stream starts, unless that is known, and what its observers have of
// an earlier definition.
func (b *starter) prepare(ctx context.Context, inc *supervision.Incarnation, worker persistence.ActorRef, at markets.Place) any {
	observers, err := b.observers(ctx, inc.Store)
	if err != nil {
		return err
	}
	if at == (markets.Place{}) {
		if at, err = b.findStart(ctx, inc.Store, worker, observers); err != nil {
			return err
		}
	}
	inherited, err := b.worker.inherit(ctx, worker.Epoch, observers)
	if err != nil {
		return fmt.Errorf("looking for what an earlier definition has left: %w", err)
	}
	return startFound{at, inherited}
}

// findStart finds the start of the stream, and writes it on the worker's document.
func (b *starter) findStart(ctx context.Context, store persistence.Store, worker persistence.ActorRef, observers []persistence.Actor) (markets.Place, error) {
	switch {
	case b.worker.find == nil: // a document of an earlier version has no place
		return b.worker.start, nil
	case b.worker.known(activity, observers) && (b.worker.Observer == "" || b.worker.known(b.worker.Observer, observers)):
		return markets.Place{}, nil // all of them have their places, by an earlier version
	}
	at, err := b.worker.find(ctx)
	if err != nil {
		return at, fmt.Errorf("finding where the stream starts: %w", err)
	}
	if err := store.Report(ctx, worker, persistence.Report{Status: persistence.Running, Place: &at}); err != nil {
		return at, fmt.Errorf("writing down where the stream starts: %w", err)
	}
	return at, nil
}

// observers are the documents of the stream's observers.
func (b *starter) observers(ctx context.Context, store persistence.Store) ([]persistence.Actor, error) {
	claim := b.worker.claim("observer", activity)
	filter := persistence.Filter{Condition: persistence.And{
		persistence.Is("chain", claim.Chain), persistence.Is("market", claim.Market),
		persistence.Is("stream", claim.Stream), persistence.Is("kind", claim.Kind),
	}}
	all, err := persistence.Collect[persistence.Actor](ctx, store, persistence.Query{Collection: persistence.Actors, Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("looking for the stream's observers: %w", err)
	}
	return all, nil
}

// known reports whether an observer of the stream has a document.
func (w worker) known(name string, observers []persistence.Actor) bool {
	id := w.claim("observer", name).ID
	return slices.ContainsFunc(observers, func(a persistence.Actor) bool { return a.ID == id })
}
