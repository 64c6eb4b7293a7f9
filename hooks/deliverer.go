package hooks

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// deliverer delivers to one hook while it has the hook's lease.
type deliverer struct {
	hook   Hook
	store  Store
	node   string
	timing Timing
	sender *Sender
	log    *slog.Logger
	stats  stats
	outage outage.Outage // of the receiver
	start  string        // the end of the feed when the process started; empty until read
}

// run claims the hook repeatedly, and delivers while it holds a claim.
func (d *deliverer) run(ctx context.Context) {
	defer d.sender.Close()
	for failures := 0; ctx.Err() == nil; {
		claimed, err := d.serve(ctx)
		switch {
		case ctx.Err() != nil:
		case err == nil || errors.Is(err, persistence.ErrFenced):
			failures = 0
		default:
			failures++
			d.log.Debug("webhook waits for the database", "reason", printable.Line(err.Error(), maxReason))
		}
		if claimed && failures == 0 {
			continue
		}
		_ = backoff.Sleep(ctx, max(d.timing.Claim, backoff.Jittered(failures, d.timing.Claim, 5*d.timing.Claim)))
	}
}

// serve claims the hook and delivers until the claim or the context ends.
func (d *deliverer) serve(ctx context.Context) (claimed bool, err error) {
	asked := time.Now()
	state, claimed, err := d.claim(ctx)
	if err != nil || !claimed {
		return claimed, err
	}
	graceful, stop := withGrace(ctx, d.timing.Grace)
	defer stop()
	l := hold(graceful, d.store, state.Ref(), asked, d.timing)
	d.stats.change(func(s *stats) { s.now.Held = true })
	d.log.Info("webhook is delivered by this process", "host", d.hook.Host(), "epoch", state.Epoch)
	defer func() {
		l.end()
		d.stats.change(func(s *stats) { s.now.Held, s.since = false, time.Time{} })
		within, cancel := d.writeContext(ctx)
		defer cancel()
		_ = d.store.ReleaseHook(within, state.Ref()) // otherwise the lease expires
	}()
	// Waiting for events or for the next attempt ends immediately with ctx.
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l, func() { cancel(context.Cause(l)) })()
	s := &session{deliverer: d, lease: l, state: state}
	return true, s.run(waiting)
}

// claim claims the hook. A new hook begins where the feed ended when this process started.
func (d *deliverer) claim(ctx context.Context) (persistence.Hook, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timing.Write)
	defer cancel()
	if d.start == "" {
		var err error
		if d.start, err = d.store.Newest(ctx); err != nil {
			return persistence.Hook{}, false, err
		}
	}
	return d.store.ClaimHook(ctx, persistence.HookClaim{Name: d.hook.Name, Node: d.node, Start: d.start, Lease: d.timing.Lease})
}

// writeContext returns a context for a write that must happen even if ctx has ended. The store
// refuses the write if the claim was lost.
func (d *deliverer) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d.timing.Write)
}

// withGrace returns a context that ends a grace period after ctx.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	graceful, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return graceful, func() {
		stop()
		cancel()
	}
}
