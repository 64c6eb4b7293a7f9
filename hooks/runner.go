package hooks

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Store is the part of a persistence.Store that hooks need.
type Store interface {
	persistence.Feed
	persistence.HookStore
}

// Timing configures durations.
type Timing struct {
	Lease, Renew, Claim time.Duration // of a lease; between renewals; between attempts to claim
	Settle, Idle        time.Duration // waiting for further events; until the position advances
	Least, Most         time.Duration // between two attempts of a delivery
	Send                time.Duration // the limit of an attempt
	Grace               time.Duration // for a delivery in flight when the process stops
	Write               time.Duration // the limit of a write to the store
}

// DefaultTiming lets another process take over within 6 s after a crash.
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
	Node   string // the name of this process
	Log    *slog.Logger
	Timing Timing // DefaultTiming if it is zero
	// Transport carries the deliveries, in tests; if it is nil, they go over the network.
	Transport http.RoundTripper
}

// Runner delivers to those hooks whose leases this process holds.
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
			hook: h, store: opts.Store, node: node, timing: opts.Timing, sender: opts.sender(), log: opts.Log.With("hook", h.Name),
		})
	}
	return r
}

func (o Options) sender() *Sender {
	if o.Transport != nil {
		return newSender(o.Transport)
	}
	return NewSender()
}

// Run delivers until the context ends. Then it returns within Timing.Grace plus the time of a
// write.
func (r *Runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, d := range r.deliverers {
		running.Go(func() { d.run(ctx) })
	}
	running.Wait()
}

// Stats are the statistics of a hook in this process.
type Stats struct {
	Delivered int64         // accepted deliveries
	Failed    int64         // failed attempts
	Dead      int64         // deliveries that became dead hooks
	Held      bool          // whether this process holds the hook's lease
	Lag       time.Duration // how long the next delivery has been waiting; 0 without one
}

// Stats returns the statistics of each hook, by name. It may be called concurrently with Run.
func (r *Runner) Stats() map[string]Stats {
	all := map[string]Stats{}
	for _, d := range r.deliverers {
		all[d.hook.Name] = d.stats.read()
	}
	return all
}

// stats collects Stats.
type stats struct {
	mu    sync.Mutex
	now   Stats     // without Lag
	since time.Time // when the next delivery began to wait; zero without one
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
