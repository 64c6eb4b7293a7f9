package actors

import (
	"context"
	"encoding/json"
	"fmt"
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
	dead := new(atomic.Int64)
	return supervision.Props(w.Env, claim, w.epoch, func() supervision.Behaviour {
		o := &observer{name: name, subject: subject}
		if claim.Documents {
			o.projection = &documentsProjection{Tuning: w.Tuning, stream: w.Stream, orders: w.orders}
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

// startFound says where the stream starts, which is on the worker's document.
type startFound struct{ at markets.Place }

func (b *starter) Start(inc *supervision.Incarnation) {
	at := inc.Doc.Place
	switch {
	case at != (markets.Place{}):
		b.startAt(inc, at)
	case b.worker.find == nil: // a document of an earlier version has no place
		b.startAt(inc, b.worker.start)
	default:
		ref := inc.Doc.Ref()
		inc.Do(func(ctx context.Context) any { return b.findStart(ctx, inc.Store, ref) })
	}
}

func (b *starter) Receive(inc *supervision.Incarnation, message any) {
	if m, ok := message.(startFound); ok {
		b.startAt(inc, m.at)
		return
	}
	b.Supervisor.Receive(inc, message)
}

// startAt starts the stream's actors: at a place, those that have no document yet.
func (b *starter) startAt(inc *supervision.Incarnation, at markets.Place) {
	w := b.worker
	w.start, w.paused = at, inc.Doc.Paused
	b.Children = w.children
	b.Supervisor.Start(inc)
}

// findStart finds the start of the stream, and writes it on the worker's document.
func (b *starter) findStart(ctx context.Context, store persistence.Store, worker persistence.ActorRef) any {
	known, err := b.observersKnown(ctx, store)
	if err != nil {
		return err
	}
	if known { // by an earlier version: all of them have their places
		return startFound{}
	}
	at, err := b.worker.find(ctx)
	if err != nil {
		return fmt.Errorf("finding where the stream starts: %w", err)
	}
	if err := store.Report(ctx, worker, persistence.Report{Status: persistence.Running, Place: &at}); err != nil {
		return fmt.Errorf("writing down where the stream starts: %w", err)
	}
	return startFound{at}
}

// observersKnown says whether all of the stream's observers have documents.
func (b *starter) observersKnown(ctx context.Context, store persistence.Store) (bool, error) {
	claim := b.worker.claim("observer", activity)
	filter := persistence.Filter{Condition: persistence.And{
		persistence.Is("chain", claim.Chain), persistence.Is("market", claim.Market),
		persistence.Is("stream", claim.Stream), persistence.Is("kind", claim.Kind),
	}}
	known := map[string]bool{}
	for doc, err := range store.Query(ctx, persistence.Query{Collection: persistence.Actors, Filter: filter}) {
		var observer persistence.Actor
		if err == nil {
			err = json.Unmarshal(doc, &observer)
		}
		if err != nil {
			return false, fmt.Errorf("looking for the stream's observers: %w", err)
		}
		known[observer.ID] = true
	}
	return known[claim.ID] && (b.worker.Observer == "" || known[b.worker.claim("observer", b.worker.Observer).ID]), nil
}
