package actors

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

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
	case restart:
		if r := a.chains[keyOf(m.child)]; m.of == actor.Actor(a) && !r.shared.supervision.stopping.is() {
			m.now()
		}
	case *actor.Terminated:
		a.ended(c, a.chains[keyOf(m.Who)])
	case respawn:
		a.run(c, a.chains[m.key])
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
	r.shared = &shared{
		system: a.n.system, store: a.cfg.Store, log: a.cfg.Log, node: a.cfg.Node, supervision: a.n.supervision.ofChain(),
		background: background{new(sync.WaitGroup), &a.n.background},
		health:     a.n.health, budget: a.n.budget,
	}
	if _, err := c.SpawnNamed(chainProps(r.shared, r.Chain, r.epoch, a.cfg), r.Name); err != nil {
		panic(err)
	}
	r.running, r.stopped = true, false
}

// stop stops a chain's actors.
func (a *nodeActor) stop(c actor.Context, r *chainRun) {
	if r.running && !r.stopped {
		r.stopped = true
		r.shared.supervision.stopping.begun.Store(true)
		c.Stop(childOf(c.Self(), r.Name))
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
	time.AfterFunc(a.cfg.Backoff.delay(1), func() { root.Send(self, respawn{r.Name}) })
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
			s.background.chain.Wait()
		}
		for _, done := range waiting {
			close(done)
		}
	}()
}
