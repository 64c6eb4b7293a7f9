package histories

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

const chainName = "test"

// worker is a process that follows the chain, and can be killed and restarted.
type worker struct {
	store persistence.Store
	log   *slog.Logger
	open  func() (chains.Chain, error)
	// market and start are the followed market and its start position.
	market markets.Market
	start  func(stream string) markets.Place

	alive *storetest.Mortal
	node  *actors.Node
	chain chains.Chain
	dead  sync.WaitGroup // the remaining goroutines of killed processes
}

// tuning and backoff are a fast worker's.
var (
	tuning  = actors.Tuning{Credit: 2, Ahead: 4, Events: 20, Portion: 50, Idle: 50 * time.Millisecond, Abreast: 5 * time.Millisecond, Tick: 50 * time.Millisecond, Stuck: time.Second}
	backoff = supervision.Backoff{Min: 10 * time.Millisecond, Max: 200 * time.Millisecond}
)

func (w *worker) boot() (err error) {
	if w.chain, err = w.open(); err != nil {
		return err
	}
	w.alive = &storetest.Mortal{Store: w.store}
	w.node, err = actors.Start(actors.Config{
		Node: "worker", Store: w.alive, Log: w.log, Backoff: backoff, Tuning: tuning,
		Chains: []actors.Chain{{
			Name: chainName, Chain: w.chain, Poll: 20 * time.Millisecond,
			Markets: []actors.Market{{Market: w.market, Start: w.start}},
		}},
	})
	return err
}

// kill ends the process as a power failure would: apart from calls in progress, nothing
// reaches the store any more.
func (w *worker) kill() {
	w.alive.Kill()
	node, chain := w.node, w.chain
	w.dead.Go(func() {
		_ = node.Stop(context.Background()) // its error is that of the refused writes
		chain.Close()
	})
}

// end kills the process and waits for its remaining goroutines.
func (w *worker) end() {
	w.kill()
	w.dead.Wait()
}
