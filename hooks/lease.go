package hooks

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

// errLeaseEnded means that a hook's lease could not be renewed in time.
var errLeaseEnded = errors.New("the hook's lease could not be renewed in time")

// lease is a claim that is renewed until it ends. It ends by the process's own clock, before it
// ends by the store's: the time of each renewal is taken before the store is asked.
type lease struct {
	context.Context // ends with the lease
	until           atomic.Pointer[time.Time]
	end             func()
}

// hold renews a claim that was asked for at a time.
func hold(ctx context.Context, store persistence.HookStore, ref persistence.HookRef, asked time.Time, t Timing) *lease {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	l := &lease{Context: held, end: func() {
		cancel(context.Canceled)
		<-done
	}}
	l.last(asked.Add(t.Lease))
	go func() {
		defer close(done)
		for backoff.Sleep(held, t.Renew) == nil {
			asked := time.Now()
			within, stop := context.WithDeadline(held, *l.until.Load())
			err := store.RenewHook(within, ref, t.Lease)
			stop()
			switch {
			case err == nil:
				l.last(asked.Add(t.Lease))
			case errors.Is(err, persistence.ErrFenced):
				cancel(err)
			case !l.holds():
				cancel(errLeaseEnded)
			}
		}
	}()
	return l
}

func (l *lease) last(until time.Time) { l.until.Store(&until) }

// holds reports whether the lease has not ended, as it has without notice in a process that was
// stopped for a while.
func (l *lease) holds() bool { return time.Now().Before(*l.until.Load()) }
