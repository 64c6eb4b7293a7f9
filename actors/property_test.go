package actors

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// After reorganisations and failures, once the chain rests, the documents, the log and the
// dead letters are those of the canonical chain, and every observer is at its head.
func TestTheStoreIsWhatTheCanonicalChainMakes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			if w.r.IntN(4) == 0 {
				w.streams = w.streams[:4] // the last is added later
			}
			w.memory = pick[int64](w.r, 0, 1, 2*leastPage) // 1: a page at a time
			if err := errors.Join(w.live(60), w.check()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// live lets random things happen to the chain and to the node. It ends with what
// is wrong already.
func (w *world) live(steps int) error {
	w.boot()
	for range steps {
		switch w.r.IntN(24) {
		case 0, 1:
			w.chain.fork(1 + w.r.IntN(3))
			w.block()
			w.block()
		case 2:
			w.kill()
			w.boot()
		case 3, 4, 5:
			w.hurt()
		case 6, 7, 8:
			w.pause()
		case 9:
			w.kill()
			w.rewind(w.r.Int64N(w.chain.height() + 1))
			w.boot()
		case 10:
			if err := w.retryLetters(); err != nil {
				return err
			}
		case 11:
			w.kill()
			w.streams = allStreams
			w.boot()
		default:
			w.block()
		}
	}
	w.outgrow()
	return nil
}

// outgrow mines some blocks, and more until the chain is higher than any branch it has left.
func (w *world) outgrow() {
	for mined := 0; mined < 4 || !w.chain.outgrown(); mined++ {
		w.block()
	}
}

// rewind takes the stopped node's store back to a height.
func (w *world) rewind(height int64) {
	w.t.Helper()
	err := maintenance.Rewind(w.t.Context(), w.store, "test", "chain", height)
	if err != nil && !errors.Is(err, maintenance.ErrNothingToRewind) {
		w.t.Fatal(err)
	}
}

// retryLetters stops the node at rest and has some of the dead letters decoded
// at last.
func (w *world) retryLetters() error {
	w.outgrow()
	if err := w.settle(); err != nil {
		return err
	}
	w.kill()
	for _, letter := range load(w, persistence.DeadLetters, markets.DeadLetter.ID) {
		if w.r.IntN(2) == 0 {
			w.retry(letter)
		}
	}
	w.boot()
	return nil
}

func (w *world) retry(letter markets.DeadLetter) {
	w.t.Helper()
	w.revived.Store(letter.Transaction, true)
	if err := maintenance.Retry(w.t.Context(), w.store, "test", markets.EVM, w.streamOf(letter.Stream), letter); err != nil {
		w.t.Fatal(err)
	}
}

const historiesVariable = "EVENT_WORKER_TEST_HISTORIES"

// histories is how many random histories a run tries. More are worth their time
// after every change of the protocol.
func histories() int {
	if n, err := strconv.Atoi(os.Getenv(historiesVariable)); err == nil {
		return n
	}
	return thorough.Count(2, 10)
}
