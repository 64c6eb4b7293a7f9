package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// However a chain is handed over, or seized, between nodes that live: in the end the
// documents are what the canonical chain makes.
func TestAChainThatMovesAboutIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories() / 2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			if err := errors.Join(w.moveAbout(40), w.check()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func (w *world) moveAbout(steps int) error {
	nodes := []*Node{w.join(true), w.join(true), w.join(true)}
	w.old = append(w.old, nodes...)
	owner, epoch := nodes[0], w.seize(nodes[0])
	for range steps {
		w.node = owner // the node that fails
		next := nodes[w.r.IntN(len(nodes))]
		switch w.r.IntN(12) {
		case 0, 1: // in good order
			<-owner.Drain("chain")
			owner, epoch = next, w.seize(next)
		case 2: // the owner is not notified
			owner, epoch = next, w.seize(next)
		case 3: // without waiting for its end
			owner.Drain("chain")
			owner, epoch = next, w.seize(next)
		case 4: // late, or twice
			next.Own("chain", 1+w.r.Int64N(epoch))
			owner.Own("chain", epoch)
		case 5:
			w.hurt()
		case 6:
			w.chain.fork(1 + w.r.IntN(3))
			w.block()
		case 7, 8:
			w.pause()
		default:
			w.block()
		}
	}
	w.outgrow()
	owner.Own("chain", w.seize(owner)) // late calls have used a lower epoch
	return nil
}

// seize makes a node the chain's owner.
func (w *world) seize(n *Node) int64 {
	w.t.Helper()
	epoch, err := w.disk.TakeOver(w.t.Context(), "chain", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	n.Own("chain", epoch)
	return epoch
}

// A placed chain runs from Own to Drain, and at no epoch twice.
func TestAPlacedChainRunsWhileItIsOwned(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")))
	n := w.join(true)
	w.old = append(w.old, n)
	<-n.Drain("unknown") // it has begun by now
	if epoch := w.seize(n); epoch != 1 {
		t.Errorf("the first owner has epoch %d: another one preceded it", epoch)
	}
	w.mustSettle()
	epoch := w.seize(n)
	w.eventually("the second epoch", func() bool { return w.actors()["chain"].Incarnation == 2 })
	w.mine(block(listed("b", "5")))
	w.mustSettle()
	<-n.Drain("chain")
	for id, a := range w.actors() {
		if a.Status != "stopped" {
			t.Errorf("%s is %s after the drain, %s", id, a.Status, a.LastError)
		}
	}
	<-n.Drain("chain") // nothing to do
	<-n.Drain("unknown")
	n.Own("chain", epoch)
	n.Own("chain", epoch-1)
	n.Own("unknown", 1)
	<-n.Drain("unknown") // so that it has seen what was said before
	w.mine(block(bought("a", "1")))
	before := w.actors()["chain"].Incarnation
	w.seize(n)
	w.mustCheck()
	if got := w.actors()["chain"].Incarnation; got != before+1 {
		t.Errorf("the chain began %d times, want once more", got-before)
	}
}

// A fenced owner logs that once, stops, and runs again when it owns the chain again.
func TestAFencedChainRunsAgainAtAHigherEpoch(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")))
	first, second := w.join(true), w.join(true)
	w.old = append(w.old, first, second)
	epoch := w.seize(first)
	w.mustSettle()
	w.seize(second)
	w.mine(block(bought("a", "1")))
	select {
	case loss := <-first.Lost():
		if loss.Chain != "chain" || loss.Epoch != epoch || !errors.Is(loss, ErrTakenOver) {
			t.Errorf("lost %+v at epoch %d", loss, epoch)
		}
	case <-time.After(w.patience):
		t.Fatal("the first node does not notice")
	}
	w.mustCheck()
	<-second.Drain("chain")
	w.seize(first)
	w.mine(block(bought("a", "2")))
	w.mustCheck()
}
