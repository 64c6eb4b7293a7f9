package actors

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// finals returns the documents of a collection that are marked as final.
func finals[T any](w *world, collection string) (docs []T) {
	w.t.Helper()
	horizon, err := finality.Read(w.t.Context(), w.disk, collection)
	if err != nil {
		w.t.Fatal(err)
	}
	for raw, err := range w.disk.Query(w.t.Context(), persistence.Query{Collection: collection}) {
		if err != nil {
			w.t.Fatal(err)
		}
		final, err := horizon.Final(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		if !final {
			continue
		}
		var doc T
		if err := json.Unmarshal(raw, &doc); err != nil {
			w.t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return docs
}

// finalBlocks fails unless all documents marked as final are of the canonical chain. It
// returns the numbers of final activities and orders.
func (w *world) finalBlocks() (activities, orders int) {
	w.t.Helper()
	log, folded := finals[markets.Activity](w, persistence.Activities), finals[markets.Order](w, persistence.Orders)
	canonical := map[string]bool{} // blocks
	touched := map[string]bool{}   // orders at positions
	changed := func(order string, at markets.Position) string { return fmt.Sprint(order, " ", at) }
	for _, stream := range allStreams {
		for _, raw := range w.raws(stream) {
			canonical[raw.Block] = true
			var e markets.Event
			if err := json.Unmarshal(raw.JSON, &e); err != nil {
				w.t.Fatal(err)
			}
			touched[changed(e.Order, raw.Position)] = true
			touched[changed("", raw.Position)] = touched[changed("", raw.Position)] || e.Order == ""
		}
	}
	for _, a := range log {
		if !canonical[a.Block] {
			w.t.Fatalf("%s is told to be final, and its block %s was abandoned", a.ID(), a.Block)
		}
	}
	for _, o := range folded {
		if !touched[changed(o.Key, o.Last)] && !touched[changed("", o.Last)] {
			w.t.Fatalf("%s is told to be final, and what changed it last was abandoned: %v", o.ID(), o.Last)
		}
	}
	return len(log), len(folded)
}

// Documents marked as final are never rolled back, despite failures of the node and
// reorganisations above finality.
func TestWhatIsFinalStays(t *testing.T) {
	t.Parallel()
	const depth = 6
	var activities, orders atomic.Int64
	t.Cleanup(func() {
		if activities.Load() == 0 || orders.Load() == 0 {
			t.Errorf("%d activities and %d orders were final", activities.Load(), orders.Load())
		}
	})
	count := func(a, o int) {
		activities.Add(int64(a))
		orders.Add(int64(o))
	}
	history := func(t *testing.T, seed uint64) {
		w := newWorld(t, seed, depth)
		highest := int64(0)
		w.boot()
		for range 40 {
			highest = max(highest, w.chain.height())
			switch w.r.IntN(8) {
			case 0:
				w.chain.fork(min(1+w.r.IntN(3), int(w.chain.height()-(highest-depth))))
			case 1: // it sleeps while the chain is reorganised, and what comes then is final
				w.kill()
				w.chain.fork(min(1+w.r.IntN(3), int(w.chain.height()-(highest-depth))))
				for range w.r.IntN(3 * depth) {
					w.block()
				}
				w.boot()
			case 2:
				w.hurt()
			case 3:
				w.pause()
			default:
				w.block()
			}
			count(w.finalBlocks())
		}
		w.outgrow() // the node waits where the chain is shorter than it was
		w.mustCheck()
		count(w.finalBlocks())
		w.kill()
	}
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			history(t, seed)
		})
	}
}

// A node that slept while its newest block was abandoned finds a chain that is final
// far above. Nothing of that block is final, however long it takes to roll it back.
func TestAbandonedBlocksBelowFinalityAreNotFinal(t *testing.T) {
	for _, held := range []struct {
		actor   string
		portion int // of its rollback
	}{
		{"order-buy", 0}, // before anything is rolled back
		{"order-buy", 1},
		{activity, 0},
		{activity, 1},
	} {
		t.Run(fmt.Sprint(held.actor, " ", held.portion), func(t *testing.T) {
			w := newWorld(t, 1, 3)
			w.streams = []string{"buy"}
			var abandoned []markets.Event
			for i := range 10 { // more than a portion
				abandoned = append(abandoned, bought(fmt.Sprint("b", i), "1"))
			}
			w.mine(block(bought("a", "1")), block(), block(), block(), abandoned)
			w.boot()
			w.mustSettle()
			w.mustBeFinal(1, 1)
			w.kill()
			w.chain.fork(1)
			for range 9 {
				w.mine(block())
			}
			h := w.gates.holdPortion("chain/market/buy/"+held.actor, held.portion)
			release := sync.OnceFunc(h.release)
			t.Cleanup(release)
			w.boot()
			<-h.arrived
			w.eventually("the head is far above", func() bool { return w.actors()["chain/head"].Finalized > 5 })
			w.mustBeFinal(1, 1)
			release()
			w.mustCheck()
			w.mustBeFinal(1, 1)
		})
	}
}

// mustBeFinal fails unless the given numbers of documents are marked as final, and are.
func (w *world) mustBeFinal(activities, orders int) {
	w.t.Helper()
	if a, o := w.finalBlocks(); a != activities || o != orders {
		w.t.Errorf("%d activities and %d orders are final, want %d and %d", a, o, activities, orders)
	}
}
