package worker

import (
	"context"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/requests"
	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// lookEvery is the interval at which a worker that is alone looks for requests, which reads
// an empty index.
const lookEvery = 250 * time.Millisecond

// host runs the chains of a cluster's node.
type host struct {
	*requests.Executor
	node *actors.Node
}

// Trust implements cluster.Host.
func (h host) Trust(until time.Time) { h.node.Trust(until) }

// Lost implements cluster.Host.
func (h host) Lost() <-chan actors.Loss { return h.node.Lost() }

// execute executes requests while the worker runs.
func (w *Worker) execute(ctx context.Context, store persistence.Store) {
	poll := lookEvery
	if w.opts.Cluster {
		poll = w.opts.Config.Cluster.Poll
	}
	byChain := map[string][]markets.Market{}
	for _, c := range w.chains {
		byChain[c.Name] = marketsOf(c)
	}
	w.requests = requests.New(requests.Config{
		Queue: w.store.(persistence.RequestQueue), Store: store, Host: w.node, Markets: byChain, Log: w.log, Poll: poll, Portion: w.opts.Config.Tuning.Portion, Alone: !w.opts.Cluster,
	})
	w.background(ctx, w.requests.Run)
}

// takeChains takes over all chains for a worker that is alone.
func (w *Worker) takeChains(ctx context.Context, store persistence.Store) {
	w.background(ctx, func(ctx context.Context) {
		var taking sync.WaitGroup
		for _, c := range w.chains {
			taking.Go(func() { w.takeChain(ctx, store, c.Name) })
		}
		taking.Wait()
	})
}

// takeChain takes over a chain. It retries until it succeeds or the context ends.
func (w *Worker) takeChain(ctx context.Context, store persistence.Store, chain string) {
	for failures := 1; ; failures++ {
		epoch, err := store.TakeOver(ctx, chain, w.opts.Config.Node)
		if err == nil {
			w.log.Info("chain acquired", "chain", chain, "epoch", epoch)
			w.requests.Own(chain, epoch)
			return
		}
		if failures&(failures-1) == 0 && ctx.Err() == nil {
			w.log.Warn("a chain could not be taken, trying again", "chain", chain, "reason", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff.Jittered(failures, 100*time.Millisecond, 2*time.Second)):
		}
	}
}
