package requests

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Host runs the actors of chains. actors.Node is one.
type Host interface {
	Own(chain string, epoch int64)
	Drain(chain string) <-chan struct{}
	Suspend(chain string) <-chan struct{}
	Proceed(chain string)
}

// Config is what an Executor needs.
type Config struct {
	Queue persistence.RequestQueue
	Store persistence.Store
	Host  Host
	// Markets are those of each chain: they say how events are decoded.
	Markets map[string][]markets.Market
	Log     *slog.Logger
	Poll    time.Duration // between two looks at the requests, if nothing wakes the Executor
	// Portion is how many documents one commit changes at most, about; 4000 if it is 0.
	Portion int
	// Alone says that no other process has the data: overdue requests fail here.
	Alone bool
}

// Executor executes the requests of the chains that its process owns. It is told of these in
// place of the Host, and tells the Host.
type Executor struct {
	cfg     Config
	changed chan struct{}

	mu     sync.Mutex
	owners map[string]*owner // by chain; the latest, also if it has ended
}

// New returns an Executor. Run does the work.
func New(cfg Config) *Executor {
	return &Executor{cfg: cfg, changed: make(chan struct{}, 1), owners: map[string]*owner{}}
}

// Own runs a chain at an epoch that was taken for it, once the requests that an earlier owner
// has left running are executed.
func (e *Executor) Own(chain string, epoch int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.owners[chain]
	if before != nil && before.epoch >= epoch {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &owner{
		Executor: e, chain: chain, epoch: epoch, cancel: cancel, left: make(chan struct{}),
		work: make(chan []persistence.Request, 1), log: e.cfg.Log.With("chain", chain),
	}
	e.owners[chain] = o
	if before != nil {
		before.cancel()
	}
	go func() {
		defer close(o.left)
		if before != nil {
			<-before.left
		}
		o.run(ctx)
		<-ctx.Done()
		o.drained = e.cfg.Host.Drain(chain) // it may have been owned since the first Drain
	}()
}

// Drain stops what runs on a chain, its requests too. The channel is closed after the last
// writes.
func (e *Executor) Drain(chain string) <-chan struct{} {
	e.mu.Lock()
	o := e.owners[chain]
	e.mu.Unlock()
	drained := e.cfg.Host.Drain(chain)
	if o == nil {
		return drained
	}
	o.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-o.left
		<-o.drained
	}()
	return done
}

// Wake says that the requests have changed.
func (e *Executor) Wake() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// Run executes requests until the context ends. A running request is then left to the next
// owner.
func (e *Executor) Run(ctx context.Context) {
	ticker := time.NewTicker(e.cfg.Poll)
	defer ticker.Stop()
	for {
		e.look(ctx)
		select {
		case <-ctx.Done():
			e.stop()
			return
		case <-e.changed:
		case <-ticker.C:
		}
	}
}

func (e *Executor) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.owners {
		o.cancel()
	}
	for _, o := range e.owners {
		<-o.left
	}
}

// refuse fails a pending request that is not, or can no longer be, executed by this process.
func (e *Executor) refuse(ctx context.Context, r persistence.Request) {
	if _, follows := e.cfg.Markets[r.Chain]; !follows {
		_, _ = e.cfg.Queue.Withdraw(ctx, r.ID, persistence.NotFollowed)
		return
	}
	_, _ = e.cfg.Queue.Fail(ctx, r.ID, "the worker was busy with another request for too long")
}

// look hands the requests that have not ended to the owners of their chains. An error is not
// said: the next look may succeed, and that the store is away is said elsewhere.
func (e *Executor) look(ctx context.Context) {
	open, err := e.cfg.Queue.Pending(ctx)
	if err != nil {
		return
	}
	byChain := map[string][]persistence.Request{}
	for _, r := range open {
		if r.Kind != persistence.StatusRequest {
			byChain[r.Chain] = append(byChain[r.Chain], r)
		}
		if e.cfg.Alone && r.State == persistence.RequestPending {
			e.refuse(ctx, r)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for chain, requests := range byChain {
		if o := e.owners[chain]; o != nil {
			select {
			case <-o.work: // outdated
			default:
			}
			o.work <- requests // only here is it filled, under the lock
		}
	}
}
