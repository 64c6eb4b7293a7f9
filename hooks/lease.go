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

// lease is a claim that is renewed until it ends. By this process's clock it ends earlier than
// by the store's, since its time counts from before each renewal is sent.
type lease struct {
	context.Context // ends with the lease
	until           atomic.Pointer[time.Time]
	end             func()
}

// hold renews a claim that was requested at the time asked.
func hold(ctx context.Context, store persistence.HookStore, ref persistence.HookRef, asked time.Time, t Timing) *lease {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	l := &lease{Context: held, end: func() {
		cancel(context.Canceled)
		<-done
	}}
	l.extend(asked.Add(t.Lease))
	go func() {
		defer close(done)
		for backoff.Sleep(held, t.Renew) == nil {
			asked := time.Now()
			within, stop := context.WithDeadline(held, *l.until.Load())
			err := store.RenewHook(within, ref, t.Lease)
			stop()
			switch {
			case err == nil:
				l.extend(asked.Add(t.Lease))
			case errors.Is(err, persistence.ErrFenced):
				cancel(err)
			case !l.holds():
				cancel(errLeaseEnded)
			}
		}
	}()
	return l
}

func (l *lease) extend(until time.Time) { l.until.Store(&until) }

// holds reports whether the lease has not expired. In a suspended process it can expire
// before its context ends.
func (l *lease) holds() bool { return time.Now().Before(*l.until.Load()) }
