package requests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

const (
	// attempts is how often a request is tried while the store answers.
	attempts = 5
	// firstPause and maxPause bound the pauses between attempts.
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
	// reportEvery bounds how often progress is written.
	reportEvery = time.Second
)

// owner executes the requests of one chain at one epoch, one after the other.
type owner struct {
	*Executor
	chain   string
	epoch   int64
	lease   persistence.Lease
	log     *slog.Logger
	work    chan []persistence.Request
	cancel  context.CancelFunc
	left    chan struct{}   // closed when it has ended
	drained <-chan struct{} // set before left is closed
}

// run continues what an earlier owner has left running, starts the chain's actors, and
// executes requests until the context ends.
func (o *owner) run(ctx context.Context) {
	running, ok := o.takeOver(ctx)
	if !ok {
		return
	}
	for _, r := range running {
		o.execute(ctx, r, true)
	}
	if ctx.Err() != nil {
		return
	}
	o.cfg.Host.Own(o.chain, o.epoch)
	o.Wake()
	for {
		select {
		case <-ctx.Done():
			return
		case open := <-o.work:
			slices.SortStableFunc(open, byAge)
			for _, r := range open {
				o.execute(ctx, r, false)
			}
		}
	}
}

func byAge(a, b persistence.Request) int {
	return cmp.Or(a.AskedAt.Compare(b.AskedAt), cmp.Compare(a.ID, b.ID))
}

// takeOver reads the lease, and the requests that an earlier owner has started. It tries for
// as long as the store is away: the actors could not start either.
func (o *owner) takeOver(ctx context.Context) (running []persistence.Request, ok bool) {
	for failures := 1; ; failures++ {
		leases, err := persistence.Collect[persistence.Lease](ctx, o.cfg.Store, persistence.Query{
			Collection: persistence.Leases, Filter: persistence.Filter{Condition: persistence.Equals("_id", o.chain)},
		})
		if err == nil && len(leases) == 1 {
			o.lease = leases[0]
			running, err = o.cfg.Queue.Pending(ctx)
		}
		if err == nil {
			o.lease.Chain, o.lease.Epoch = o.chain, o.epoch // of another epoch it would match nothing
			slices.SortStableFunc(running, byAge)
			return slices.DeleteFunc(running, func(r persistence.Request) bool {
				return r.Chain != o.chain || r.State != persistence.RequestRunning
			}), true
		}
		if !o.pause(ctx, failures, "looking for requests", err) {
			return nil, false
		}
	}
}

// pause waits before the next attempt; false if the context has ended.
func (o *owner) pause(ctx context.Context, failures int, what string, err error) bool {
	if ctx.Err() == nil && failures&(failures-1) == 0 {
		o.log.Warn(what+" failed, trying again", "reason", err, "failures", failures)
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(backoff.Jittered(failures, firstPause, maxPause)):
		return true
	}
}

// execute executes a request, unless another owner does or has. The chain's actors are
// stopped during the execution.
func (o *owner) execute(ctx context.Context, r persistence.Request, stopped bool) {
	started, ok, err := o.cfg.Queue.StartRequest(ctx, o.lease, r.ID)
	if err != nil || !ok {
		return // at the next look, or by another owner
	}
	o.log.Info("request started", "kind", started.Kind, "of", started.Subject(), "by", started.AskedBy, "id", started.ID)
	if !stopped && !started.DryRun {
		select {
		case <-o.cfg.Host.Suspend(o.chain):
		case <-ctx.Done():
			return
		}
		defer o.cfg.Host.Proceed(o.chain)
	}
	begun := time.Now()
	err = o.attempt(ctx, &started)
	if ctx.Err() != nil || errors.Is(err, persistence.ErrFenced) {
		return // the next owner continues
	}
	if err != nil {
		started.Reason = err.Error()
	}
	if o.finish(ctx, started) {
		o.log.Info("request ended", "kind", started.Kind, "of", started.Subject(), "id", started.ID,
			"reason", started.Reason, "took", time.Since(begun).Round(time.Millisecond))
	}
}

// attempt does what a request asks for, again if it fails for a reason that may pass. Attempts
// at which the store does not answer are not counted.
func (o *owner) attempt(ctx context.Context, r *persistence.Request) error {
	for counted, failures := 0, 1; ; failures++ {
		err := o.once(ctx, r)
		if err == nil || final(err) || errors.Is(err, persistence.ErrFenced) {
			return err
		}
		r.Progress = &persistence.Progress{Step: "failed, trying again: " + err.Error()}
		if o.cfg.Queue.ReportRequest(ctx, *r) == nil {
			if counted++; counted == attempts {
				return fmt.Errorf("after %d attempts: %w; what was done so far is consistent: ask again", attempts, err)
			}
		}
		if !o.pause(ctx, failures, "request", err) {
			return ctx.Err()
		}
	}
}

func (o *owner) once(ctx context.Context, r *persistence.Request) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			o.log.Error("request panicked", "id", r.ID, "reason", reason, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	m := maintenance.Own(o.cfg.Store, o.lease)
	m.Portion = o.cfg.Portion
	var reported time.Time
	m.Progress = func(step string, done, total int64) {
		if time.Since(reported) < reportEvery {
			return
		}
		reported = time.Now()
		r.Progress = &persistence.Progress{Step: step, Done: done, Total: total}
		_ = o.cfg.Queue.ReportRequest(ctx, *r) // for people
	}
	return o.perform(ctx, m, r)
}

// finish records the end of a request. It does not give up while the chain is owned: until the
// end is durable the actors must not read on.
func (o *owner) finish(ctx context.Context, r persistence.Request) bool {
	for failures := 1; ; failures++ {
		ended, err := o.cfg.Queue.FinishRequest(ctx, o.lease, r)
		if err == nil || errors.Is(err, persistence.ErrLeaseChanged) {
			return ended
		}
		if !o.pause(ctx, failures, "recording the end of a request", err) {
			return false
		}
	}
}
