package endpoint

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/internal/random"
)

// Pool is the endpoints of one chain.
type Pool struct {
	all    []*Endpoint
	verify func(context.Context, *Endpoint) error
	log    *slog.Logger
}

// Need is the blocks or ledger versions that a request is about: endpoints that have them are
// preferred; and the block whose state it is about. Zero: any endpoint will do.
type Need struct{ From, To, State int64 }

// NewPool makes a pool of at least one endpoint. verify asks an endpoint whether it serves the
// configured chain: before its first use, and again after its connection was lost or
// RequireVerification was called.
func NewPool(endpoints []Config, verify func(context.Context, *Endpoint) error, log *slog.Logger) (*Pool, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("a chain needs an endpoint")
	}
	p := &Pool{verify: verify, log: log}
	for _, cfg := range endpoints {
		e, err := New(cfg)
		if err != nil {
			return nil, err
		}
		p.all = append(p.all, e)
	}
	return p, nil
}

// All are the pool's endpoints.
func (p *Pool) All() []*Endpoint { return p.all }

// Close closes all connections.
func (p *Pool) Close() {
	for _, e := range p.all {
		e.Close()
	}
}

// Statuses are how the endpoints are doing.
func (p *Pool) Statuses() []Status {
	out := make([]Status, len(p.all))
	for i, e := range p.all {
		out[i] = e.Status()
	}
	return out
}

// Use runs an attempt with the fittest endpoint, and with the others while it fails. A refusal
// of size is returned without failover, as the caller must ask for less; an answer larger than
// allowed is failed over, as it may be the endpoint's fault. The error is the last one.
func (p *Pool) Use(ctx context.Context, need Need, attempt func(context.Context, *Endpoint) error) error {
	return p.UseOther(ctx, nil, need, attempt)
}

// UseOther is Use without one of the endpoints, unless it is the only one.
func (p *Pool) UseOther(ctx context.Context, but *Endpoint, need Need, attempt func(context.Context, *Endpoint) error) error {
	tried := map[*Endpoint]bool{}
	if but != nil && len(p.all) > 1 {
		tried[but] = true
	}
	for first := true; ; first = false {
		e := p.pick(need, tried)
		tried[e] = true
		if first {
			if err := p.await(ctx, e); err != nil {
				return err
			}
		}
		err := p.try(ctx, e, len(p.all)-len(tried), attempt)
		if err == nil || ctx.Err() != nil || len(tried) == len(p.all) || RefusalOf(err).IsSize() && !errors.Is(err, ErrTooLarge) || errors.Is(err, ErrBudget) {
			return err
		}
	}
}

// pick returns the fittest of the endpoints that were not tried, at random among equals.
func (p *Pool) pick(need Need, tried map[*Endpoint]bool) *Endpoint {
	var best []*Endpoint
	var of fitness
	for _, e := range p.all {
		if tried[e] {
			continue
		}
		f := e.fitness(need)
		switch order := f.compare(of); {
		case len(best) == 0 || order < 0:
			best, of = []*Endpoint{e}, f
		case order == 0:
			best = append(best, e)
		}
	}
	return best[random.N(len(best))]
}

func (f fitness) compare(other fitness) int {
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(flag(f.pruned), flag(other.pruned)),
		cmp.Compare(f.avoidFor, other.avoidFor),
		cmp.Compare(flag(f.behind), flag(other.behind)),
		cmp.Compare(f.priority, other.priority),
		cmp.Compare(f.load/time.Millisecond, other.load/time.Millisecond),
	)
}

// try runs an attempt with one endpoint; others is how many can be tried after it.
func (p *Pool) try(ctx context.Context, e *Endpoint, others int, attempt func(context.Context, *Endpoint) error) error {
	if len(p.all) > 1 {
		ctx = withMaxPause(ctx, maxAwait)
	}
	if others > 0 {
		ctx = WithTimeout(ctx, max(e.timeout/time.Duration(others+1), time.Second))
	}
	err := p.attempt(ctx, e, attempt)
	if err == nil {
		e.health.succeeded()
	}
	p.logState(ctx, e, err)
	p.logOutage(ctx, e, err)
	return err
}

// await waits, a while at most, for an endpoint that is paused or down: no other is fitter.
func (p *Pool) await(ctx context.Context, e *Endpoint) error {
	wait := e.fitness(Need{}).avoidFor
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(min(wait, maxAwait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return e.Errorf("%w", context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

// logState logs that an endpoint's state has changed.
func (p *Pool) logState(ctx context.Context, e *Endpoint, err error) {
	switch was, is := e.health.stateToLog(); {
	case is == was, was == "" && is == Up:
	case is == Up:
		args := []any{"endpoint", e.Host(), "was", was}
		if lasted := e.health.outageEnded(); lasted > 0 {
			args = append(args, outage.Lasted, lasted)
		}
		p.log.InfoContext(ctx, "endpoint recovered", args...)
	case was == "" && len(p.all) == 1: // the caller reports the only endpoint that never worked
	default:
		p.log.WarnContext(ctx, "endpoint failed", "endpoint", e.Host(), "state", is, "reason", err)
	}
}

// logOutage logs that an endpoint has been out of service for longer than a moment. That of
// the only endpoint is its chain's outage, which the caller logs.
func (p *Pool) logOutage(ctx context.Context, e *Endpoint, err error) {
	if err == nil || ctx.Err() != nil || len(p.all) == 1 {
		return
	}
	if state, since, due := e.health.outOfService(); due {
		p.log.ErrorContext(ctx, "endpoint is out of service", "endpoint", e.Host(), "state", state, "since", since, "reason", err)
	}
}

func (p *Pool) attempt(ctx context.Context, e *Endpoint, attempt func(context.Context, *Endpoint) error) error {
	if p.verify != nil && !e.VerifiedWithin(forever) {
		if err := p.verify(ctx, e); err != nil {
			return err
		}
		e.MarkVerified()
	}
	return attempt(ctx, e)
}

const forever = 1<<63 - 1

// Hosts are the names of the endpoints, sorted.
func (p *Pool) Hosts() []string {
	var hosts []string
	for _, e := range p.all {
		hosts = append(hosts, e.Host())
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
