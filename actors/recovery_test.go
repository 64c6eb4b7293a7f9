package actors

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

// The documents are committed and the answer is lost: what orders has in memory is
// older than the store.
func TestDocumentsWhoseCommitHasAnUnknownOutcome(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	done := false
	w.flaky.OnCommit(func(moves []persistence.Move) storetest.Fault {
		if moves[0].Actor.ID == "chain/market/buy/order-buy" && !done {
			done = true
			return storetest.FailAfter
		}
		return storetest.Pass
	})
	w.mine(block(bought("a", "2")))
	w.mustSettle()
	w.mine(block(bought("a", "3")))
	w.mustCheck()
	if got := w.restarts("buy/order-buy"); got != 1 {
		t.Errorf("%d restarts, want 1", got)
	}
}

func TestAStoppedActorComesBack(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")))
	w.boot()
	w.mustCheck()
	for _, id := range []string{"buy/subject", "buy/" + activity, "buy/order-buy", "buy", "orders"} {
		w.node.system.Root.Stop(actor.NewPID(w.node.system.Address(), supervision.Root+"/chain/market/"+id))
		w.mine(block(bought("a", "1")))
		w.mustCheck()
	}
}

// failingClaims is a store whose first claim waits and then fails.
type failingClaims struct {
	persistence.Store
	claims        atomic.Int64
	arrived, fail chan struct{}
}

func (s *failingClaims) Claim(ctx context.Context, c persistence.Claim) (persistence.Actor, error) {
	if s.claims.Add(1) == 1 {
		close(s.arrived)
		<-s.fail
		return persistence.Actor{}, errHurt
	}
	return s.Store.Claim(ctx, c)
}

func TestWhatIsAskedBeforeAFailedClaimIsAnsweredAfterTheNext(t *testing.T) {
	p := newProbe(t)
	store := &failingClaims{Store: p.shared.Store, arrived: make(chan struct{}), fail: make(chan struct{})}
	p.shared.Store = store
	answers := make(chan answer, 1)
	asker := p.shared.System.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(answer); ok {
			answers <- m
		}
	}))
	w := p.worker()
	claim := persistence.Claim{ID: "chain/market/orders", Kind: "orders", Chain: "chain", Market: "market"}
	parent := p.shared.System.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			if _, err := c.SpawnNamed(supervision.Props(p.shared.Env, claim, w.epoch, func() supervision.Behaviour { return newOrders(refOfWorld) }), "orders"); err != nil {
				panic(err)
			}
		case supervision.Restart:
			m.Now()
		}
	}, actor.WithSupervisor(p.shared.Strategy)))
	<-store.arrived
	p.send(supervision.ChildOf(parent, "orders"), &request{Execution: projection.Execution{Transition: transitionOfWorld(markets.BatchTransition, at(0, ""), at(1, "1"), &markets.Batch{})}, Tuning: w.Tuning, replyTo: asker})
	close(store.fail)
	select {
	case m := <-answers:
		if !errors.Is(m.err, persistence.ErrFenced) { // there is no such observer
			t.Errorf("answered %v", m.err)
		}
	case <-time.After(patience):
		t.Fatal("no answer")
	}
}

// slowLookUps is a chain that has a new head before a place is looked up.
type slowLookUps struct {
	*fakeChain
	calls *atomic.Int64
}

func (c slowLookUps) Ancestor(ctx context.Context, view *chains.View, trail markets.Trail, final int64) (markets.Place, bool, error) {
	if c.calls.Add(1) <= 100 {
		c.mine()
		for v := view; v.Head.Seq < c.height(); time.Sleep(3 * time.Millisecond) { // until the view has the new head
			var err error
			if v, err = c.Advance(ctx, v); err != nil {
				return markets.Place{}, false, err
			}
		}
	}
	return c.fakeChain.Ancestor(ctx, view, trail, final)
}

func TestALookUpThatIsSlowerThanTheHeadsEndsAllTheSame(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	w.kill()
	w.outgrow()
	var calls atomic.Int64
	w.reads = slowLookUps{w.chain, &calls}
	w.boot()
	w.mustCheck()
	if n := calls.Load(); n > 50 {
		t.Errorf("looked up %d times", n)
	}
}

func TestANodeStopsWhileRestartsAreDue(t *testing.T) {
	for i := range 30 {
		w := calm(t)
		w.mine(block(bought("a", "9")))
		w.boot()
		w.mustSettle()
		w.fail("chain/market")
		w.fail("chain/market/list")
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		ctx, cancel := context.WithTimeout(t.Context(), patience/4)
		if err := w.node.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

func TestWhoRunsAgainIsNotSaidToBeStopped(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")))
	w.boot()
	w.mustCheck()
	if err := w.node.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.boot()
	w.eventually("all at work", func() bool { return w.states()[persistence.Stopped] == 0 })
	w.mustCheck()
}
