package actors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var errNotFound = errors.New("nobody can tell")

// At any head of the chain, and despite failures, all actors of a stream begin at one
// place, and their documents are those of the chain from there on.
func TestAStreamBeginsAtOnePlace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			for range 3 {
				w.block()
			}
			w.find = func(string) func(context.Context) (markets.Place, error) {
				return func(context.Context) (markets.Place, error) {
					if rand.IntN(3) == 0 {
						return markets.Place{}, errNotFound
					}
					return markets.Place{Seq: max(1, w.chain.height()-1)}, nil
				}
			}
			if err := w.live(40); err != nil {
				t.Fatal(err)
			}
			w.block()
			if err := w.check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A stream whose start cannot be found waits, reports that, and does not delay others. It
// continues by itself.
func TestAStreamWaitsForItsBeginning(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	var told atomic.Bool
	w.find = func(stream string) func(context.Context) (markets.Place, error) {
		if stream == "list" {
			return nil
		}
		return func(context.Context) (markets.Place, error) {
			if !told.Load() {
				return markets.Place{}, errNotFound
			}
			return markets.Place{Seq: 1}, nil
		}
	}
	w.boot()
	w.eventually("the other stream goes on, and the one says what it waits for", func() bool {
		actors := w.actors()
		buy, began := actors["chain/market/buy"], false
		for id := range actors {
			began = began || strings.HasPrefix(id, "chain/market/buy/")
		}
		return w.chain.head() == actors["chain/market/list/"+activity].Place && !began &&
			buy.Report.Status == persistence.Retrying && strings.Contains(buy.LastError, "where the stream starts: "+errNotFound.Error())
	})
	told.Store(true)
	w.eventually("its document says where it begins", func() bool { return w.actors()["chain/market/buy"].Seq == 1 })
	w.find = nil
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	if a := w.actors()["chain/market/buy"]; a.Report.Status != persistence.Running {
		t.Errorf("it still says %s", a.Report.Status)
	}
}

// Streams that have begun are not asked where to begin, also those whose worker's document
// does not say it, as those of earlier versions do not.
func TestAStreamThatHasBegunGoesOn(t *testing.T) {
	w := calm(t, "list", "buy")
	w.logOnly = map[string]bool{}
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	for _, stream := range w.streams {
		if at := w.actors()["chain/market/"+stream].Place; at != (markets.Place{}) {
			t.Fatalf("%s is at %+v: no document of an earlier version", stream, at)
		}
	}
	w.kill()
	var asked atomic.Int64
	w.find = func(string) func(context.Context) (markets.Place, error) {
		return func(context.Context) (markets.Place, error) {
			asked.Add(1)
			return markets.Place{}, errNotFound
		}
	}
	w.boot()
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	if n := asked.Load(); n > 0 {
		t.Errorf("asked %d times", n)
	}
}

// noObservers is a store without room for observers.
type noObservers struct{ persistence.Store }

func (s noObservers) Claim(ctx context.Context, c persistence.Claim) (persistence.Actor, error) {
	if c.Kind == "observer" {
		return persistence.Actor{}, errNotFound
	}
	return s.Store.Claim(ctx, c)
}

// A new stream's start is on its worker's document: another configuration does not move
// the actors of it that have no document yet.
func TestAStartIsWrittenDown(t *testing.T) {
	w := calm(t, "list")
	w.mine(block(listed("a", "9")), block(listed("b", "9")), block(listed("c", "9")))
	w.start = 2
	store := w.store
	w.store = noObservers{store}
	w.boot()
	w.eventually("it is on the document", func() bool { return w.actors()["chain/market/list"].Seq == 2 })
	w.kill()
	w.store, w.start = store, 0
	w.boot()
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.start = 2
	w.mustCheck()
}
