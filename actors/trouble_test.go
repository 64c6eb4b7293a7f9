package actors

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// before is a store to whose commits something happens first.
type before struct {
	persistence.Store
	commit func(actor string)
}

func (b before) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	b.commit(moves[0].Actor.ID)
	return b.Store.Commit(ctx, ref, moves, do)
}

// An observer that panics on every third batch is restarted each time and gets
// there all the same; its document says how often and why, and its neighbours do not
// notice. When the cause is gone nothing is left of it but the count.
func TestAnObserverThatPanicsOnEveryThirdBatch(t *testing.T) {
	const victim = "chain/market/buy/order-buy"
	w := calm(t, "list", "buy")
	var commits, panics atomic.Int64
	var well atomic.Bool
	w.gates.Store = before{w.gates.Store, func(actor string) {
		if actor == "chain/market/buy/"+activity && !well.Load() && commits.Add(1)%3 == 0 {
			panics.Add(1)
			panic("a third batch")
		}
	}}
	w.boot()
	for range 9 {
		w.mine(block(listed("a", "5"), bought("a", "1")))
		w.mustSettle()
	}
	well.Store(true)
	w.mine(block(bought("a", "1")))
	w.mustCheck()
	log := w.actors()["chain/market/buy/"+activity]
	if log.Restarts != panics.Load() || log.Restarts == 0 || !strings.Contains(log.LastError, "a third batch") {
		t.Errorf("%d restarts after %d panics, last error %q", log.Restarts, panics.Load(), log.LastError)
	}
	if n := w.actors()[victim].Restarts; n != 0 {
		t.Errorf("the observer beside it was restarted %d times", n)
	}
	w.unharmed("buy")
	w.eventually("no lag and no trouble", func() bool {
		for _, a := range w.actors() {
			if a.Lag != 0 || a.Status == persistence.Retrying {
				return false
			}
		}
		return true
	})
}

// A store that is slow for one stream does not slow down others, and no actor is restarted.
func TestAStoreThatIsSlowForOneStream(t *testing.T) {
	w := calm(t, "list", "buy")
	release := make(chan struct{})
	var slow atomic.Bool
	slow.Store(true)
	w.gates.Store = before{w.gates.Store, func(actor string) {
		if slow.Load() && strings.HasPrefix(actor, "chain/market/buy/") {
			<-release
		}
	}}
	w.boot()
	for range 5 {
		w.mine(block(listed("a", "5"), bought("a", "1")))
	}
	w.eventually("the other stream's log at the head", func() bool {
		return w.actors()["chain/market/list/"+activity].Place == w.chain.head()
	})
	time.Sleep(20 * time.Millisecond) // in which a timeout could expire
	slow.Store(false)
	close(release)
	w.mustCheck()
	w.unharmed("")
}
