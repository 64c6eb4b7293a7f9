package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"

	"github.com/imart/event-worker/persistence"
)

// ErrInjected is the error of what Faulty lets fail.
var ErrInjected = errors.New("injected store failure")

// Fault is what happens to a commit.
type Fault int

// The faults of a commit. FailAfter is the commit of unknown outcome: it happened
// and its answer is lost.
const (
	Pass Fault = iota
	FailBefore
	FailAfter
)

// Faulty is a store that fails on demand.
type Faulty struct {
	persistence.Store
	mu    sync.Mutex
	fault func(moves []persistence.Move) Fault
	gate  *gate // what commits wait at, if anything
	down  bool
}

// gate lets nobody through until it is opened.
type gate struct {
	open    chan struct{}
	arrived chan struct{}
}

// NewFaulty returns store, made to fail on demand.
func NewFaulty(store persistence.Store) *Faulty {
	f := &Faulty{Store: store}
	f.OnCommit(nil)
	return f
}

// OnCommit asks hook what happens to every commit from now on. It is called for
// one commit at a time; nil lets all of them pass.
func (f *Faulty) OnCommit(hook func(moves []persistence.Move) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if hook == nil {
		hook = func([]persistence.Move) Fault { return Pass }
	}
	f.fault = hook
}

// FailNext lets the next n commits fail.
func (f *Faulty) FailNext(n int, fault Fault) {
	f.OnCommit(func([]persistence.Move) Fault {
		if n == 0 {
			return Pass
		}
		n--
		return fault
	})
}

// SetDown takes the store down, so that all calls fail, or up again.
func (f *Faulty) SetDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// Hold makes commits wait before they happen, until release is called or their
// context ends. arrived gets a value for each that came to wait.
func (f *Faulty) Hold() (arrived <-chan struct{}, release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := &gate{open: make(chan struct{}), arrived: make(chan struct{}, 1024)}
	f.gate = g
	return g.arrived, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.gate == g {
			f.gate = nil
		}
		close(g.open)
	}
}

// up is the error of a call while the store is down.
func (f *Faulty) up() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return ErrInjected
	}
	return nil
}

// TakeOver is persistence.Store's.
func (f *Faulty) TakeOver(ctx context.Context, chain, node string) (int64, error) {
	if err := f.up(); err != nil {
		return 0, err
	}
	return f.Store.TakeOver(ctx, chain, node)
}

// Claim is persistence.Store's.
func (f *Faulty) Claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	if err := f.up(); err != nil {
		return persistence.Actor{}, err
	}
	return f.Store.Claim(ctx, claim)
}

// Commit is persistence.Store's.
func (f *Faulty) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(tx persistence.Tx) error) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	fault, err := f.decide(moves)
	if err != nil {
		return err
	}
	if fault == FailBefore {
		return ErrInjected
	}
	err = f.Store.Commit(ctx, market, moves, do)
	if err == nil && fault == FailAfter {
		return ErrInjected
	}
	return err
}

// wait waits at the gate, if there is one.
func (f *Faulty) wait(ctx context.Context) error {
	f.mu.Lock()
	g := f.gate
	f.mu.Unlock()
	if g == nil {
		return nil
	}
	g.arrived <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Faulty) decide(moves []persistence.Move) (Fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return Pass, ErrInjected
	}
	return f.fault(moves), nil
}

// Report is persistence.Store's.
func (f *Faulty) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	if err := f.up(); err != nil {
		return err
	}
	return f.Store.Report(ctx, ref, report)
}

// Query is persistence.Store's.
func (f *Faulty) Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	if err := f.up(); err != nil {
		return func(yield func(json.RawMessage, error) bool) { yield(nil, err) }
	}
	return f.Store.Query(ctx, query)
}
