package actors

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// shared is what the actors of a chain have in common.
type shared struct {
	*supervision.Env
	health *Health
	budget *budget.Budget
}

// chainProps makes the actor of a chain with all that is below it. It runs at an epoch
// that was taken for it; at 0 it takes the chain over itself.
func chainProps(s *shared, c Chain, taken int64, cfg Config) *actor.Props {
	var epoch atomic.Int64
	epoch.Store(taken)
	var view atomic.Pointer[chains.View]
	var stalled stall
	owned := func(context.Context) (int64, error) { return epoch.Load(), nil }
	takeOver := func(ctx context.Context) (int64, error) {
		if taken > 0 {
			return taken, nil
		}
		e, err := s.Store.TakeOver(ctx, c.Name, s.Node)
		if err != nil {
			return 0, fmt.Errorf("taking over %s: %w", c.Name, err)
		}
		epoch.Store(e)
		s.Log.Info("chain taken", "chain", c.Name, "epoch", e)
		return e, nil
	}
	claim := persistence.Claim{ID: c.Name, Kind: "chain", Chain: c.Name}
	return supervision.Props(s.Env, claim, takeOver, supervised(func(*supervision.Incarnation) []supervision.Child {
		headClaim := claim
		headClaim.ID, headClaim.Kind = c.Name+"/head", "head"
		headProps := supervision.Props(s.Env, headClaim, owned, func() supervision.Behaviour {
			return &head{chain: c.Chain, poll: c.Poll, tuning: cfg.Tuning, published: &view, stall: &stalled, health: s.health}
		})
		children := []supervision.Child{{Name: "head", Props: headProps}}
		for _, m := range c.Markets {
			children = append(children, supervision.Child{Name: m.Name, Props: cfg.market(s, c, m, cfg.Tuning, owned)})
		}
		return children
	}))
}

// marketProps makes the actor of a market with all that is below it.
func marketProps(s *shared, c Chain, m Market, tuning Tuning, epoch supervision.Epoch) *actor.Props {
	claim := persistence.Claim{ID: c.Name + "/" + m.Name, Kind: "market", Chain: c.Name, Market: m.Name}
	return supervision.Props(s.Env, claim, epoch, supervised(func(inc *supervision.Incarnation) []supervision.Child {
		ordersClaim := claim
		ordersClaim.ID, ordersClaim.Kind = claim.ID+"/orders", "orders"
		ref := persistence.MarketRef{Chain: c.Name, Market: m.Name}
		ordersProps := supervision.Props(s.Env, ordersClaim, epoch, func() supervision.Behaviour { return newOrders(ref) })
		children := []supervision.Child{{Name: "orders", Props: ordersProps}}
		for _, st := range m.Streams {
			w := worker{
				shared: s, epoch: epoch, start: m.Start(st.Name), find: m.finder(st.Name), orders: supervision.ChildOf(inc.Self(), "orders"),
				stream: stream{Stream: st, market: ref, chain: c.Chain, Tuning: tuning},
			}
			children = append(children, supervision.Child{Name: st.Name, Props: w.props()})
		}
		return children
	}))
}

// supervised makes the behaviour of an actor that does nothing but supervise children.
func supervised(children func(*supervision.Incarnation) []supervision.Child) func() supervision.Behaviour {
	return func() supervision.Behaviour { return &supervision.Supervisor{Children: children} }
}

// activity is the name of the observer that keeps a stream's log.
const activity = "activity"

// worker is what the actors of one stream are made of.
type worker struct {
	*shared
	stream
	epoch  supervision.Epoch
	start  markets.Place
	find   func(context.Context) (markets.Place, error) // finds the start; nil if it is known
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
		s := &subject{stream: w.stream, stalls: stalls, health: w.health, budget: w.budget, cursors: []*cursor{newCursor(activity, parent)}}
		if w.Observer != "" {
			s.cursors = append(s.cursors, newCursor(w.Observer, parent))
		}
		return s
	})
}

func newCursor(name string, parent *actor.PID) *cursor {
	return &cursor{name: name, pid: supervision.ChildOf(parent, name)}
}

func (w worker) observerProps(name string, subject *actor.PID) *actor.Props {
	claim := w.claim("observer", name)
	claim.Start, claim.Documents = w.start, name != activity
	return supervision.Props(w.Env, claim, w.epoch, func() supervision.Behaviour {
		o := &observer{stream: w.stream, name: name, subject: subject}
		if claim.Documents {
			o.projection = &documentsProjection{Tuning: w.Tuning, orders: w.orders}
		} else {
			o.projection = logProjection{projection.Log{Notifies: w.Notifies, Portion: w.Portion}}
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
