package actors

import (
	"sync/atomic"
	"testing"
)

// What an endpoint does not answer takes no room from streams that could go on.
func TestAReadThatHangsLeavesRoomForOthers(t *testing.T) {
	w := calm(t, "list", "buy")
	w.memory = leastPage // for one page at a time
	w.chain.fail("buy", errHang)
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	for range 3 {
		w.mine(block(listed("a", "9")))
		w.eventually("the other stream at the head", func() bool {
			return w.actors()["chain/market/list/order-list"].Place == w.chain.head()
		})
	}
	w.chain.fail("buy", nil)
	w.fail("chain/market/buy/subject") // or the read would hang for ever
	w.mustCheck()
}

// Pages of an abandoned branch are released.
func TestPagesOfAnAbandonedBranchAreGivenUp(t *testing.T) {
	w := calm(t, "buy")
	w.chain.single, w.chain.finality = true, 10
	for range 6 {
		w.mine(block(bought("a", "1")))
	}
	h := w.gates.hold("chain/market/buy/" + activity)
	w.boot()
	<-h.arrived
	w.eventually("the window is full", func() bool { return w.chain.readings() >= 3 })
	w.chain.fork(6)
	for range 7 {
		w.mine(block(bought("a", "2")))
	}
	w.eventually("the head's new view", func() bool { return w.actors()["chain/head"].Hash == w.chain.head().Hash })
	h.release()
	w.mustCheck()
}

// Pages that cannot be executed do not take the memory of streams that can continue.
func TestUnusedPagesLeaveRoomForOthers(t *testing.T) {
	w := calm(t, "list", "buy")
	w.memory = leastPage
	var well atomic.Bool
	w.gates.Store = before{w.gates.Store, func(actor string) {
		if actor == "chain/market/buy/"+activity && !well.Load() {
			panic("never")
		}
	}}
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	for range 3 {
		w.mine(block(listed("a", "9")))
		w.eventually("the other stream at the head", func() bool {
			return w.actors()["chain/market/list/order-list"].Place == w.chain.head()
		})
	}
	well.Store(true)
	w.mustCheck()
}

// A page for which there is no room is read again when there is, and is not counted as
// less than it was.
func TestAPageThatIsLargerThanItsRoom(t *testing.T) {
	w := calm(t)
	w.memory = 3 * leastPage
	w.chain.padding = leastPage / 2
	for range 8 {
		w.mine(block(listed("a", "9"), listed("b", "1"), bought("a", "1"), bought("b", "1"), delisted("c"), cancelled()))
	}
	w.boot()
	w.mustCheck()
	w.unharmed("")
}

// A chain that repeats events which were read before is not believed: nothing is executed
// twice, and the stream goes on when its pages are in order again.
func TestAPageThatRepeatsEventsIsRefused(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")), block(bought("a", "1")), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	w.chain.mu.Lock()
	w.chain.repeats = map[string]int{"buy": 2}
	w.chain.mu.Unlock()
	w.mine(block(bought("a", "1")))
	w.mustCheck()
	if n := w.chain.repeatsLeft("buy"); n > 0 {
		t.Errorf("%d pages were not repeated", n)
	}
}
