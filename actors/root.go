package actors

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/messages"
)

// own and drain are what Node.Own and Node.Drain tell the root.
type (
	own struct {
		chain string
		epoch int64
	}
	drain struct {
		chain string
		done  chan<- struct{}
	}
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
	epoch   int64 // the highest at which it was to run; 0 where the chain takes itself over
	wanted  bool
	running bool              // its actors exist
	stopped bool              // by the root: they are about to end
	shared  *shared           // by its latest actors
	drained []chan<- struct{} // to be closed when it has ended
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
			r.epoch, r.wanted = m.epoch, true
			a.stop(c, r)
			a.run(c, r)
		}
	case drain:
		a.drain(c, m)
	case supervision.Restart:
		if r := a.chains[supervision.KeyOf(m.Child)]; m.Of == actor.Actor(a) && !r.shared.Strategy.Stopping() {
			m.Now()
		}
	case *actor.Terminated:
		a.ended(c, a.chains[supervision.KeyOf(m.Who)])
	case supervision.Respawn:
		a.run(c, a.chains[m.Key])
	case messages.CaughtUp:
		a.n.streamCaughtUp(m.Stream)
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
	if !r.wanted || r.running {
		return
	}
	env := &supervision.Env{
		System: a.n.system, Store: a.cfg.Store, Log: a.cfg.Log, Node: a.cfg.Node, Strategy: a.n.strategy.OfChain(),
		Background: supervision.Background{Chain: new(sync.WaitGroup), Node: &a.n.background},
	}
	r.shared = &shared{env, a.n.health, a.n.budget}
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

func (a *nodeActor) drain(c actor.Context, m drain) {
	r := a.chains[m.chain]
	if r == nil {
		close(m.done)
		return
	}
	r.wanted = false
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

// closeDrained ends the Drains of a chain that has ended, after its last writes.
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
