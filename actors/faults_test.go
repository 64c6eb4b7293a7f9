package actors

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/persistence"
)

var errHurt = errors.New("hurt by the test")

// hurt fails a random actor below the chain.
func (w *world) hurt() {
	ids := []string{"chain", "chain/head", "chain/market", "chain/market/orders"}
	for _, s := range w.streams {
		worker := "chain/market/" + s
		for range 2 { // most often those who do the work
			ids = append(ids, worker+"/subject", worker+"/"+activity, worker+"/"+observerOf(s))
		}
		ids = append(ids, worker)
	}
	w.fail(pick(w.r, ids...))
}

// fail fails an actor.
func (w *world) fail(id string) { w.tell(id, errHurt) }

// tell sends an actor a message.
func (w *world) tell(id string, message any) {
	w.node.system.Root.Send(actor.NewPID(w.node.system.Address(), supervision.Root+"/"+id), message)
}

// pause lets the node come along for a while, or not at all.
func (w *world) pause() { time.Sleep(time.Duration(w.r.IntN(3000)) * time.Microsecond) }

// gates is a store whose commits can be held before they happen, by actor.
type gates struct {
	persistence.Store
	mu   sync.Mutex
	held map[string]*gate
}

// gate holds one commit, the first one after some others.
type gate struct {
	after                  int // number of commits that pass before
	arrived, open, through chan struct{}
}

func newGate(after int) *gate {
	return &gate{after, make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

// hold holds the next commit of an actor, from its arrival to its release.
func (g *gates) hold(id string) *gate { return g.holdPortion(id, 0) }

// holdPortion holds a later commit of an actor.
func (g *gates) holdPortion(id string, after int) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := newGate(after)
	if g.held == nil {
		g.held = map[string]*gate{}
	}
	g.held[id] = h
	return h
}

// release lets the commit go on and waits until it has happened, or failed.
func (h *gate) release() {
	close(h.open)
	<-h.through
}

func (g *gates) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	g.mu.Lock()
	h := g.held[moves[0].Actor.ID]
	if h != nil && h.after > 0 {
		h.after--
		h = nil
	}
	if h != nil {
		delete(g.held, moves[0].Actor.ID)
	}
	g.mu.Unlock()
	if h == nil {
		return g.Store.Commit(ctx, ref, moves, do)
	}
	defer close(h.through)
	close(h.arrived)
	<-h.open
	return g.Store.Commit(ctx, ref, moves, do)
}
