package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/persistence"
)

// ErrKilled is the error of what a killed process asks of its store.
var ErrKilled = errors.New("the process was killed")

// Mortal is a store as a process sees it that can be killed. A commit that the process has sent
// before lands nevertheless.
type Mortal struct {
	persistence.Store
	Slowness time.Duration // of its slowest commits
	Commits  int           // after which the process is killed; 0: it is not

	dead   atomic.Bool
	taking sync.Mutex // held by take-overs
}

// Kill kills the process. None of its take-overs lands later: the next process would lose the
// chain to one that is dead, and end.
func (m *Mortal) Kill() {
	m.taking.Lock()
	defer m.taking.Unlock()
	m.dead.Store(true)
}

// Dead reports whether the process was killed.
func (m *Mortal) Dead() bool { return m.dead.Load() }

// TakeOver implements persistence.Store.
func (m *Mortal) TakeOver(ctx context.Context, chain, node string) (int64, error) {
	m.taking.Lock()
	defer m.taking.Unlock()
	if m.Dead() {
		return 0, ErrKilled
	}
	return m.Store.TakeOver(ctx, chain, node)
}

// Claim implements persistence.Store.
func (m *Mortal) Claim(ctx context.Context, c persistence.Claim) (persistence.Actor, error) {
	if m.Dead() {
		return persistence.Actor{}, ErrKilled
	}
	return m.Store.Claim(ctx, c)
}

// Commit implements persistence.Store.
func (m *Mortal) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if m.Dead() {
		return ErrKilled
	}
	if m.Commits > 0 {
		if m.Commits--; m.Commits == 0 {
			m.Kill()
		}
	}
	if m.Slowness > 0 && rand.IntN(8) == 0 { // a commit that has begun may land long after its process is gone
		time.Sleep(time.Duration(rand.Int64N(int64(m.Slowness))))
	}
	return m.Store.Commit(context.WithoutCancel(ctx), ref, moves, do)
}

// Report implements persistence.Store.
func (m *Mortal) Report(ctx context.Context, ref persistence.ActorRef, r persistence.Report) error {
	if m.Dead() {
		return ErrKilled
	}
	return m.Store.Report(ctx, ref, r)
}
