package hooks

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Store is what hooks need of a persistence.Store.
type Store interface {
	persistence.Feed
	persistence.HookStore
}

// Timing is how long things take.
type Timing struct {
	Lease, Renew, Claim time.Duration // of a lease; between renewals; between attempts to claim
	Settle, Idle        time.Duration // see batcher
	Least, Most         time.Duration // between two attempts of a delivery
	Send                time.Duration // one attempt
	Grace               time.Duration // for a delivery in flight when the process stops
	Write               time.Duration // one write to the store
}

// DefaultTiming has another process continue within 6 s after one has died.
var DefaultTiming = Timing{
	Lease: 5 * time.Second, Renew: time.Second, Claim: time.Second,
	Settle: 20 * time.Millisecond, Idle: 30 * time.Second,
	Least: time.Second, Most: 5 * time.Minute,
	Send: sendTimeout, Grace: 2 * time.Second, Write: 5 * time.Second,
}

// Options of a Runner.
type Options struct {
	Hooks  []Hook
	Store  Store
	Node   string // the process's name
	Log    *slog.Logger
	Timing Timing // DefaultTiming if it is zero
}

// Runner delivers to several hooks, as far as this process has their leases.
type Runner struct {
	deliverers []*deliverer
}

// New makes a runner.
func New(opts Options) *Runner {
	if opts.Timing == (Timing{}) {
		opts.Timing = DefaultTiming
	}
	r := &Runner{}
	node := opts.Node + "." + strings.ToLower(rand.Text()[:6])
	for _, h := range opts.Hooks {
		r.deliverers = append(r.deliverers, &deliverer{
			hook: h, store: opts.Store, node: node, timing: opts.Timing, sender: NewSender(), log: opts.Log.With("hook", h.Name),
		})
	}
	return r
}

// Run delivers until the context ends, and then ends within Timing.Grace and a write.
func (r *Runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, d := range r.deliverers {
		running.Go(func() { d.run(ctx) })
	}
	running.Wait()
}

// Stats are what a process has done for a hook, and how it stands.
type Stats struct {
	Delivered, Failed, Dead int64 // deliveries, attempts, deliveries
	Held                    bool  // the process has the hook's lease
	// Lag is how long the next delivery has been waiting; 0 if there is none.
	Lag time.Duration
}

// Stats returns those of each hook, by name.
func (r *Runner) Stats() map[string]Stats {
	all := map[string]Stats{}
	for _, d := range r.deliverers {
		all[d.hook.Name] = d.stats.read()
	}
	return all
}

// stats are Stats that are counted.
type stats struct {
	mu    sync.Mutex
	now   Stats
	since time.Time // when the next delivery began to wait; zero if there is none
}

func (s *stats) change(do func(*stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s)
}

func (s *stats) read() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.now
	if !s.since.IsZero() {
		out.Lag = time.Since(s.since)
	}
	return out
}
