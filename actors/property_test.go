package actors

import (
	"fmt"
	"testing"
)

// Whatever the chain does, and whatever fails in the meantime: when the chain
// rests, the documents, the log and the dead letters are what the canonical
// chain makes, and every observer stands at its head.
func TestTheStoreIsWhatTheCanonicalChainMakes(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			w.live(60)
			w.mustCheck()
		})
	}
}

// live lets random things happen to the chain and to the node.
func (w *world) live(steps int) {
	if w.r.IntN(4) > 0 {
		w.chain.mine()
	}
	w.boot()
	for range steps {
		switch w.r.IntN(12) {
		case 0:
			w.chain.fork(1 + w.r.IntN(3))
			w.block()
			w.block()
		case 1:
			w.kill()
			w.boot()
		case 2, 3:
			w.hurt()
		case 4, 5:
			w.pause()
		default:
			w.block()
		}
	}
}
