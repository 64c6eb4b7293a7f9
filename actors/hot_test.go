package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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

// queried counts the queries for orders.
type queried struct {
	persistence.Store
	orders atomic.Int64
}

func (s *queried) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	if q.Collection == persistence.Orders {
		s.orders.Add(1)
	}
	return s.Store.Query(ctx, q)
}

// Another node may have taken a chain over from a node of a cluster that is paused or cut
// off: such a node answers from the store, and only one that is trusted from memory.
func TestMemoryIsReadOnlyWhileTheNodeIsTrusted(t *testing.T) {
	w := calm(t, "list")
	s := &queried{Store: w.gates.Store}
	w.gates.Store = s
	w.mine(block(listed("a", "5")))
	n := w.join(true)
	w.old = append(w.old, n)
	w.seize(n)
	w.mustSettle()
	ref := persistence.MarketRef{Chain: "chain", Market: "market"}
	fromStore := func() bool {
		before := s.orders.Load()
		if _, ok, err := n.Order(t.Context(), ref, "a"); !ok || err != nil {
			t.Errorf("the order is found: %v, %v", ok, err)
		}
		return s.orders.Load() > before
	}
	w.eventually("the order is in memory", func() bool { // the writer learns of its last commit after the store
		_, ok := n.hot[ref].Load().Order("a")
		return ok
	})
	for _, step := range []struct {
		name  string
		do    func()
		store bool
	}{
		{"before it is trusted", func() {}, true},
		{"while it is", func() { n.Trust(time.Now().Add(time.Hour)) }, false},
		{"later", func() { n.Trust(time.Now()) }, true},
		{"again", func() { n.Trust(time.Now().Add(time.Hour)) }, false},
		{"of a chain that it gives away", func() { n.trust.own("chain", false) }, true},
	} {
		step.do()
		if got := fromStore(); got != step.store {
			t.Errorf("%s, the store is asked: %v", step.name, got)
		}
	}
	<-n.Drain("chain")
	w.seize(n)
	w.mustCheck()
}
