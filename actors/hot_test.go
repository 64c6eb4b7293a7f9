package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// witness notes what is committed of the order "a", and has some commits fail: before them, or
// after them with an unknown outcome.
type witness struct {
	persistence.Store
	fails atomic.Int64 // commits until the next that fails; 0: none does

	mu        sync.Mutex
	committed []string // the states of the order, in commit order; empty where it is gone
}

type witnessTx struct {
	persistence.Tx
	put func(state string)
}

func (x witnessTx) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		if o.Key == "a" {
			x.put(stateOfOrder(o))
		}
	}
	return x.Tx.PutOrders(orders)
}

func (x witnessTx) DeleteOrders(keys []string) error {
	if slices.Contains(keys, "a") {
		x.put("")
	}
	return x.Tx.DeleteOrders(keys)
}

func stateOfOrder(o markets.Order) string {
	return fmt.Sprint(o.Status, o.Filled, o.Price, o.Last, o.Anomalies)
}

var errWitness = errors.New("the outcome is unknown")

func (s *witness) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	nth := s.fails.Add(1)
	s.mu.Lock() // so that no read happens between the commit and its note
	defer s.mu.Unlock()
	var states []string
	err := s.Store.Commit(ctx, ref, moves, func(tx persistence.Tx) error {
		states = nil
		err := do(witnessTx{tx, func(state string) { states = append(states, state) }})
		if err == nil && nth%7 == 0 {
			err = errWitness // all is written, and nothing committed
		}
		return err
	})
	if err == nil && len(states) > 0 {
		s.committed = append(s.committed, states[len(states)-1])
	}
	if err == nil && nth%5 == 0 {
		return errWitness
	}
	return err
}

// While an order is listed, sold and rolled back, commits fail and actors are restarted,
// readers see only committed states, in the order of the commits.
func TestReadersSeeCommittedStatesInOrder(t *testing.T) {
	w := calm(t, "list", "buy")
	w.patience = time.Minute
	s := &witness{Store: w.gates.Store}
	w.gates.Store = s
	w.boot()
	ref := persistence.MarketRef{Chain: "chain", Market: "market"}
	done := make(chan struct{})
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			at := -1 // the index of the state that was read last; -1: before all of them
			for {
				select {
				case <-done:
					return
				default:
				}
				order, ok, err := w.node.Order(t.Context(), ref, "a")
				if err != nil {
					t.Error(err)
					return
				}
				state := ""
				if ok {
					state = stateOfOrder(order)
				}
				s.mu.Lock()
				next := slices.Index(s.committed[max(at, 0):], state)
				known := slices.Clone(s.committed)
				s.mu.Unlock()
				switch {
				case next >= 0:
					at = max(at, 0) + next
				case at >= 0 || state != "":
					t.Errorf("after %d of %q it reads %q", at, known, state)
					return
				}
			}
		})
	}
	for i := range 30 {
		if i%6 == 5 {
			w.chain.fork(2)
		}
		w.mine(block(listed("a", "9")), block(bought("a", "1")))
		w.mustSettle()
	}
	cache := w.node.hot[ref].Load()
	if cache == nil {
		t.Fatal("nothing is read from memory")
	}
	w.eventually("the order is in memory", func() bool {
		_, ok := cache.Order("a")
		if !ok {
			w.mine(block(bought("a", "1")))
			w.mustSettle()
			cache = w.node.hot[ref].Load()
		}
		return ok
	})
	w.mustCheck()
	close(done)
	reading.Wait()
	if err := w.node.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.node.hot[ref].Load() != nil {
		t.Error("the memory of a node that has stopped is read")
	}
}
