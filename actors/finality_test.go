package actors

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// blocks mines blocks without events.
func (w *world) blocks(n int) {
	for range n {
		w.chain.mine()
	}
}

// count is how many documents a collection has.
func (w *world) count(collection string) int {
	n := 0
	for _, err := range w.disk.Query(w.t.Context(), persistence.Query{Collection: collection}) {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

// state is an actor's state.
func (w *world) state(id string) string { return w.actors()[id].Status }

// broken is a world whose finality is broken, and the break is not confirmed.
func broken(t *testing.T, down bool) *world {
	w := calm(t, "list", "buy")
	w.log = &journal{}
	w.mine(block(listed("a", "9")), block(bought("a", "1")), block(bought("a", "1")))
	w.blocks(4)
	w.boot()
	w.mustCheck()
	if down {
		w.kill()
		w.log = &journal{} // of the next process alone
	}
	w.chain.doubt(true)
	w.chain.fork(6)
	w.mine(block(), block(bought("a", "4")))
	w.blocks(6)
	if down {
		w.boot()
	}
	return w
}

// A break that is not confirmed rolls nothing back. The actors that notice it say so,
// once, and wait without being restarted; it is over when the break is confirmed.
func TestABreakOfFinalityThatIsNotConfirmed(t *testing.T) {
	for _, test := range []struct {
		name   string
		down   bool
		stands []string
	}{
		{"while following", false, []string{"chain/head"}},
		{"while the process is down", true, []string{"chain/market/list/subject", "chain/market/buy/subject"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := broken(t, test.down)
			for _, id := range test.stands {
				w.eventually(id+" stands", func() bool { return w.state(id) == persistence.FinalityBroken })
				if reason := w.actors()[id].LastError; !strings.Contains(reason, "finality") {
					t.Errorf("%s says %q", id, reason)
				}
				if err := w.node.Ready(); err == nil || !strings.Contains(err.Error(), id) {
					t.Errorf("ready: %v", err)
				}
			}
			reads := w.chain.asked()
			w.eventually("it to be asked again", func() bool { return w.chain.asked() > reads+5 })
			if n := w.count(persistence.Activities); n != 3 {
				t.Errorf("%d activities, want the 3 that there were", n)
			}
			begun := w.log.lines("finality is broken")
			if len(begun) != len(test.stands) || !strings.Contains(begun[0], "level=ERROR") {
				t.Errorf("logged %q", begun)
			}
			w.chain.doubt(false)
			w.mustCheck()
			w.unharmed("")
			w.eventually("the end of it", func() bool { return w.states()[persistence.FinalityBroken] == 0 && w.node.Ready() == nil })
			if ended := w.log.lines("no longer in question"); len(ended) != len(test.stands) || !strings.Contains(ended[0], "level=INFO") {
				t.Errorf("logged %q", ended)
			}
		})
	}
}

// The other chain is gone again: it was never more than a wrong answer.
func TestABreakOfFinalityThatIsGone(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.blocks(5)
	w.boot()
	w.mustCheck()
	w.chain.doubt(true)
	was := w.chain.swap(6)
	w.blocks(9)
	w.eventually("the head stands", func() bool { return w.state("chain/head") == persistence.FinalityBroken })
	w.fail("chain/market/buy/subject")
	w.chain.restore(was)
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	if n := len(w.chain.rollbacks()); n > 0 {
		t.Errorf("%d rollbacks", n)
	}
	w.eventually("the end of it", func() bool { return w.states()[persistence.FinalityBroken] == 0 })
}

// A stream that stands leaves the others alone: here only one has ever been beyond
// what was abandoned.
func TestOtherStreamsGoOnWhileOneStands(t *testing.T) {
	w := calm(t, "list")
	w.mine(block(listed("a", "9")), block(), block())
	w.blocks(4)
	w.boot()
	w.mustCheck()
	w.kill()
	w.chain.doubt(true)
	w.chain.fork(6)
	w.mine(block(bought("a", "4")))
	w.blocks(6)
	w.streams = []string{"list", "buy"}
	w.boot()
	w.eventually("the stream stands", func() bool { return w.state("chain/market/list/subject") == persistence.FinalityBroken })
	w.eventually("the other one at the head", func() bool {
		return w.actors()["chain/market/buy/order-buy"].Place == w.chain.head()
	})
	w.chain.doubt(false)
	w.mustCheck()
}

// A reorganisation above finality, however deep, is never mistaken for a break of finality,
// whether the process is up or down. (misjudged would report it.)
func TestReorganisationsAboveFinalityAreNoBreaks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(min(6, histories())) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, 60)
			w.streams = []string{"list", "buy"}
			w.log = &journal{}
			w.chain.doubt(true)
			w.boot()
			for range 12 {
				for range w.r.IntN(90) {
					w.chain.mine()
				}
				w.block()
				w.mustSettle()
				down := w.r.IntN(2) == 0
				if down {
					w.kill()
				}
				depth := 1 + w.r.IntN(int(min(60, w.chain.height())))
				w.chain.fork(depth)
				w.blocks(depth + 1)
				if down {
					w.boot()
				}
			}
			w.mustCheck()
			if said := w.log.lines("finality is broken"); len(said) > 0 {
				t.Errorf("%q", said)
			}
		})
	}
}

// swap has the newest blocks give way to others and returns what there was.
func (c *fakeChain) swap(depth int) []fakeBlock {
	c.mu.Lock()
	was := append([]fakeBlock(nil), c.blocks...)
	c.mu.Unlock()
	c.fork(depth)
	return was
}

func (c *fakeChain) restore(blocks []fakeBlock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reorganise(blocks)
}

// asked is how often the chain was asked for its head or for a place.
func (c *fakeChain) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks
}

// rollbacks are the places that were found below the end of a trail.
func (c *fakeChain) rollbacks() []markets.Place {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found
}
