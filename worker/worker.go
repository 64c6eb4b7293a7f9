// Package worker assembles a worker: the store, the chains, the actors that follow them,
// metadata, webhooks, audits, the API, the membership in a cluster, and health and metrics.
//
// It guarantees the order of start and stop:
//
//	Open   chains ── probe ── store ── its checks ── redecoding    nothing is followed yet
//	Start  actors ── requests ── metadata, webhooks, audits ── API ── health ── cluster
//	Stop   the same in reverse
//
// So the chains of a node that stops are handed over to the other nodes first, while
// /readyz says that it leaves; then its actors complete their last writes; then the store
// is closed.
//
//	w, err := worker.Open(ctx, worker.Options{Config: cfg, Data: data, Log: log})
//	if err != nil {
//		return err
//	}
//	return w.Follow(ctx, 10*time.Second, watcher)
package worker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/requests"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
)

// stopTimeout bounds how long actors may take to stop.
const stopTimeout = 8 * time.Second

// Data is where the documents are kept.
type Data interface {
	Open(ctx context.Context) (persistence.Store, error)
	String() string // for people, without secrets
}

// Options say what a worker is made of.
type Options struct {
	Config config.Config // follows its chains, and is named by its node
	Data   Data
	Log    *slog.Logger

	// Chains are followed instead of the configuration's, which then need not exist. They
	// are not probed, have no health and metrics, and stay open when the worker stops.
	Chains []actors.Chain
	// Numbers are those that a chain's handles are known to have if it is a recording; its
	// function is nil if it is not. Optional.
	Numbers func(config.Chain) (func(markets.Source) []int64, error)
	// Once says that every chain's endpoint must work at the start, and that the worker
	// only follows: it serves no health, metrics or API, delivers no webhooks and audits
	// nothing.
	Once bool
	// Cluster says that the worker joins the cluster of all processes on its database. One
	// that works alone refuses to do so where a cluster runs.
	Cluster bool
	// Redecode says that streams whose definition has changed are decoded or read again.
	Redecode bool
	Version  string // of the program, for the other nodes
}

// Worker follows chains.
type Worker struct {
	opts     Options
	log      *slog.Logger
	store    persistence.Store
	chains   []actors.Chain
	metrics  *monitor.Metrics // nil if Options.Chains is set
	node     *actors.Node
	requests *requests.Executor
	lost     chan error
	page     string                        // the URL of the page; empty if it is not served
	closers  []func(context.Context) error // in the order of start
}

// Open opens the store and the chains, and checks that they may be followed. Nothing is
// followed yet. With Options.Once the end of the context is ErrInterrupted.
func Open(ctx context.Context, opts Options) (_ *Worker, err error) {
	w := &Worker{opts: opts, log: opts.Log, chains: opts.Chains, lost: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(w.interruption(ctx, err), w.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if opts.Chains == nil {
		if err := w.openChains(ctx); err != nil {
			return nil, err
		}
	}
	if w.store, err = opts.Data.Open(ctx); err != nil {
		return nil, err
	}
	w.onStop(func(context.Context) error { return w.store.Close() })
	if opts.Chains == nil {
		for i, c := range opts.Config.Chains {
			w.chains[i] = w.withFacts(ctx, c, w.chains[i])
		}
	}
	if err := checkOwner(ctx, w.store, opts.Data, opts.Config.Node == config.DemoNode); err != nil {
		return nil, err
	}
	if err := checkKeys(ctx, w.store, opts.Data, w.chains); err != nil {
		return nil, err
	}
	if !opts.Cluster || opts.Redecode {
		if err := CheckIdle(ctx, w.store, opts.Data); err != nil {
			return nil, err
		}
	}
	if opts.Redecode {
		if err := w.renew(ctx); err != nil {
			return nil, err
		}
	}
	return w, w.logRemoved(ctx)
}

// openChains opens the configured chains and looks at them for the first time.
func (w *Worker) openChains(ctx context.Context) (err error) {
	w.chains, err = Chains(w.opts.Config, w.opts.Numbers, w.log)
	opened := slices.Clone(w.chains)
	w.onStop(func(context.Context) error {
		for _, c := range opened {
			c.Chain.Close()
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := newProbe(w.opts.Config, opened, w.log)
	w.onStop(func(context.Context) error {
		p.stop()
		return nil
	})
	return p.look(ctx, w.opts.Once)
}

// Store is the worker's store.
func (w *Worker) Store() persistence.Store { return w.store }

// Page returns the URL of the page of a running worker; empty if it serves none.
func (w *Worker) Page() string { return w.page }

// Start starts to follow the chains. The caller stops the worker, also after an error.
func (w *Worker) Start(ctx context.Context) error {
	cfg := w.opts.Config
	a := actors.Config{
		Node: cfg.Node, Store: w.store, Log: w.log, Chains: w.chains, Tuning: cfg.Tuning, Memory: cfg.Memory,
		Placed: true,
	}
	if w.opts.Chains == nil {
		w.metrics = monitor.New()
		a.Store = w.metrics.Store(w.store)
		for i, c := range a.Chains {
			a.Chains[i].Chain = w.metrics.Chain(c.Chain, c.Name)
		}
	}
	for i := range a.Chains {
		a.Chains[i] = completing(a.Chains[i], w.askable(i), w.store)
	}
	var err error
	if w.node, err = actors.Start(a); err != nil {
		return err
	}
	w.onStop(func(ctx context.Context) error {
		within, cancel := context.WithTimeout(ctx, stopTimeout)
		defer cancel()
		return w.node.Stop(within)
	})
	w.execute(ctx, a.Store)
	w.fetchMetadata(ctx)
	w.deliverHooks(ctx)
	w.auditRegularly(ctx)
	if err := w.serveAPI(ctx); err != nil {
		return err
	}
	if w.opts.Cluster {
		return w.join(ctx)
	}
	w.takeChains(ctx, a.Store)
	w.watchLoss(ctx)
	if w.metrics == nil || w.opts.Once {
		return nil
	}
	return w.serveHealth(ctx, nil, w.node.Ready, nil)
}

// watchLoss waits until another process takes over a chain, which ends a worker that is
// alone.
func (w *Worker) watchLoss(ctx context.Context) {
	w.background(ctx, func(ctx context.Context) {
		select {
		case lost := <-w.node.Lost():
			w.lost <- lost
		case <-ctx.Done():
		}
	})
}

// CaughtUp returns a channel that is closed when every stream has caught up with its
// chain's head; nil on a node of a cluster, whose chains change.
func (w *Worker) CaughtUp() <-chan struct{} {
	if w.opts.Cluster {
		return nil
	}
	return w.node.CaughtUp()
}

// Lost yields the error because of which the worker must stop.
func (w *Worker) Lost() <-chan error { return w.lost }

// Stop stops what was started, in reverse order. The context bounds it; a second Stop
// does nothing.
func (w *Worker) Stop(ctx context.Context) error {
	var errs []error
	for _, stop := range slices.Backward(w.closers) {
		errs = append(errs, stop(ctx))
	}
	w.closers = nil
	return errors.Join(errs...)
}

func (w *Worker) onStop(stop func(context.Context) error) { w.closers = append(w.closers, stop) }

// background calls run in a goroutine. Stop cancels its context, which outlives ctx, and
// waits until it returns.
func (w *Worker) background(ctx context.Context, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	w.onStop(func(context.Context) error {
		cancel()
		<-ended
		return nil
	})
}
