package actors

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// own, drain, suspend and proceed are what Node's methods tell the root.
type (
	own struct {
		chain string
		epoch int64
	}
	drain struct {
		chain string
		done  chan<- struct{}
	}
	suspend drain
	proceed struct{ chain string }
)

// nodeActor is the root of the tree: it runs chains.
type nodeActor struct {
	n      *Node
	cfg    Config
	chains map[string]*chainRun
}

// chainRun is what the root knows of a chain.
type chainRun struct {
	Chain
	epoch   int64 // the highest at which it was started; 0 if the chain takes itself over
	wanted  bool
	held    bool              // suspended
	running bool              // its actors exist
	stopped bool              // by the root: they are about to end
	shared  *shared           // by its latest actors
	drained []chan<- struct{} // to be closed when its actors have ended
}

func newNodeActor(n *Node, cfg Config) *nodeActor {
	a := &nodeActor{n: n, cfg: cfg, chains: map[string]*chainRun{}}
	for _, c := range cfg.Chains {
		a.chains[c.Name] = &chainRun{Chain: c, wanted: !cfg.Placed}
	}
	return a
}

// Receive implements actor.Actor.
func (a *nodeActor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		for _, chain := range a.cfg.Chains {
			a.run(c, a.chains[chain.Name])
		}
	case own:
		if r := a.chains[m.chain]; r != nil && m.epoch > r.epoch {
			r.epoch, r.wanted, r.held = m.epoch, true, false
			a.stop(c, r)
			a.run(c, r)
		}
	case drain:
		if r := a.chains[m.chain]; r != nil {
			r.wanted = false
		}
		a.end(c, m)
	case suspend:
		if r := a.chains[m.chain]; r != nil {
			r.held = true
		}
		a.end(c, drain(m))
	case proceed:
		if r := a.chains[m.chain]; r != nil && r.held {
			r.held = false
			a.run(c, r)
		}
	case supervision.Restart:
		if r := a.chains[supervision.KeyOf(m.Child)]; m.Of == actor.Actor(a) && !r.shared.Strategy.Stopping() {
			m.Now()
		}
	case *actor.Terminated:
		a.ended(c, a.chains[supervision.KeyOf(m.Who)])
	case supervision.Respawn:
		a.run(c, a.chains[m.Key])
	case messages.CaughtUp:
		a.n.streamCaughtUp(m)
	case messages.Fenced:
		if r := a.chains[m.Chain]; r.wanted && m.Epoch >= r.epoch {
			r.wanted = false
			a.stop(c, r)
			a.n.lose(Loss(m))
		}
	}
}

// run starts a chain's actors, if it is to run and those before have ended.
func (a *nodeActor) run(c actor.Context, r *chainRun) {
	if !r.wanted || r.held || r.running {
		return
	}
	env := &supervision.Env{
		System: a.n.system, Store: a.cfg.Store, Log: a.cfg.Log, Node: a.cfg.Node, Strategy: a.n.strategy.OfChain(),
		Background: supervision.Background{Chain: new(sync.WaitGroup), Node: &a.n.background},
		Schedule:   a.cfg.Schedule,
	}
	r.shared = &shared{env, a.n.health, a.n.budget, a.n.hot}
	if _, err := c.SpawnNamed(chainProps(r.shared, r.Chain, r.epoch, a.cfg), r.Name); err != nil {
		panic(err)
	}
	r.running, r.stopped = true, false
}

// stop stops a chain's actors.
func (a *nodeActor) stop(c actor.Context, r *chainRun) {
	if r.running && !r.stopped {
		r.stopped = true
		r.shared.Strategy.Stop()
		c.Stop(supervision.ChildOf(c.Self(), r.Name))
	}
}

// end stops a chain's actors, and says when they have written their last.
func (a *nodeActor) end(c actor.Context, m drain) {
	r := a.chains[m.chain]
	if r == nil {
		close(m.done)
		return
	}
	r.drained = append(r.drained, m.done)
	a.stop(c, r)
	a.closeDrained(r)
}

// ended is called when a chain's actors have ended.
func (a *nodeActor) ended(c actor.Context, r *chainRun) {
	r.running = false
	a.closeDrained(r)
	if r.stopped {
		a.run(c, r)
		return
	}
	root, self := a.n.system.Root, c.Self() // they were not stopped by the root
	time.AfterFunc(a.cfg.Backoff.Delay(1), func() { root.Send(self, supervision.Respawn{Key: r.Name}) })
}

// closeDrained ends the Drains and Suspends of a chain that has ended, after its last writes.
func (a *nodeActor) closeDrained(r *chainRun) {
	if r.running || len(r.drained) == 0 {
		return
	}
	waiting, s := r.drained, r.shared
	r.drained = nil
	go func() {
		if s != nil { // else it has never run
			s.Background.Chain.Wait()
		}
		for _, done := range waiting {
			close(done)
		}
	}()
}

// shared is what the actors of a chain have in common.
type shared struct {
	*supervision.Env
	health *Health
	budget *budget.Budget
	hot    hot
}

// chainProps makes the actor of a chain with all that is below it. It runs at an epoch
// that was taken for it; at 0 it takes the chain over itself.
func chainProps(s *shared, c Chain, taken int64, cfg Config) *actor.Props {
	var epoch atomic.Int64
	epoch.Store(taken)
	var view atomic.Pointer[chains.View]
	var stalled stall
	var out outage.Outage
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
		s.Log.Info("chain acquired", "chain", c.Name, "epoch", e)
		return e, nil
	}
	claim := persistence.Claim{ID: c.Name, Kind: "chain", Chain: c.Name}
	return supervision.Props(s.Env, claim, takeOver, supervised(func(*supervision.Incarnation) []supervision.Child {
		headClaim := claim
		headClaim.ID, headClaim.Kind = c.Name+"/head", "head"
		headProps := supervision.Props(s.Env, headClaim, owned, func() supervision.Behaviour {
			return &head{chain: c.Chain, poll: c.Poll, tuning: cfg.Tuning, published: &view, stall: &stalled, outage: &out, condition: condition{health: s.health}}
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
		ordersProps := supervision.Props(s.Env, ordersClaim, epoch, func() supervision.Behaviour {
			o := newOrders(ref)
			o.hot = s.hot
			return o
		})
		children := []supervision.Child{{Name: "orders", Props: ordersProps}}
		for _, st := range m.Streams {
			w := worker{
				shared: s, epoch: epoch, start: m.Start(st.Name), find: m.finder(st.Name), orders: supervision.ChildOf(inc.Self(), "orders"),
				stream: stream{Stream: st, market: ref, chain: c.Chain, complete: m.Complete, Tuning: tuning},
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
