package actors

import (
	"errors"
	"fmt"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// ownCollection is that of order0 in a world with other markets' orders. Order1 is submitted
// before all, order2 at some time, or never.
const ownCollection = "mine"

// ownership is what is known of orders that are submitted while the node runs.
type ownership struct {
	late   bool            // order2 was submitted
	before map[string]bool // the blocks that there were then
}

// handIn hands an order in.
func (w *world) handIn(order string) {
	w.t.Helper()
	if _, err := w.disk.InsertSigned(w.t.Context(), []persistence.SignedOrder{{Chain: "chain", Market: "market", Hash: order, Signature: order}}); err != nil {
		w.t.Fatal(err)
	}
}

// owns reports whether an event must be in the log. If that depends on when it was read,
// the log decides.
func (w *world) owns(e markets.Event) bool {
	switch {
	case w.own == nil, e.Record != nil, e.Order == "order0", e.Order == "order1":
		return true
	case e.Order == "order2" && !w.own.late:
		return false
	case e.Order == "order2" && !w.own.before[e.Block]:
		return true
	}
	_, kept := load(w, persistence.Activities, func(a markets.Activity) string { return a.Transaction })[e.Transaction]
	return kept
}

// From a contract with orders of many markets, the log has only the market's own, and the
// documents are the fold of the log, despite failures of the chain, the store and the node.
func TestOnlyTheMarketsOwnIsKept(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			w.own = &ownership{}
			w.handIn("order1")
			if err := errors.Join(w.live(25), w.check()); err != nil {
				t.Fatal(err)
			}
			if seed%3 > 0 {
				w.own.late, w.own.before = true, w.chain.known()
				w.handIn("order2")
			}
			w.kill()
			if err := errors.Join(w.live(25), w.check()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// known are the hashes of all blocks that were ever mined.
func (c *fakeChain) known() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	hashes := map[string]bool{}
	for hash := range c.all {
		hashes[hash] = true
	}
	return hashes
}
