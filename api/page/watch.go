package page

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// How often the documents are read: seldom while nobody looks at them, and never so often
// that reading takes more than a part of the time.
const (
	watchedEvery   = 2 * time.Second
	unwatchedEvery = 15 * time.Second
	watchedFor     = 30 * time.Second
	share          = 10  // of the time while somebody looks: a tenth
	unwatchedShare = 100 // otherwise
	readTimeout    = 10 * time.Second
)

// rateOver is the time over which rates are measured, at least. Actors report once a second.
const rateOver = 6 * time.Second

// silentAfter is how long nothing of a chain may be written, by this process's clock, before
// the page says so. While a chain is followed its head writes every few seconds.
const silentAfter = 2 * time.Minute

// snapshot is the state of the worker at one time.
type snapshot struct {
	at     time.Time
	since  time.Time // when the history begins
	nodes  []persistence.Node
	leases []persistence.Lease
	actors []persistence.Actor
	audits []persistence.Audit
	hooks  []persistence.Hook
	tree   progress.Tree
	rates  map[string]float64 // events a second, by actor
	silent map[string]bool    // chains of which nothing was written for a while
	err    error              // why it could not be read; the rest is then that of the last snapshot
}

// watch reads the documents of the actors from time to time and keeps an hour's history.
type watch struct {
	docs   persistence.Querier
	log    *slog.Logger
	looked atomic.Int64 // when somebody last looked, in Unix seconds
	wake   chan struct{}

	mu      sync.Mutex
	last    snapshot
	earlier []snapshot // from which rates are measured, the oldest first
	written map[string]written
	history *history
}

// written is when something of a chain was written, by the store's clock, and when that was
// first seen, by this process's.
type written struct{ at, seen time.Time }

func newWatch(docs persistence.Querier, log *slog.Logger) *watch {
	return &watch{docs: docs, log: log, wake: make(chan struct{}, 1), history: newHistory(time.Now())}
}

// run reads until the context ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		w.look(ctx, began)
		w.wait(ctx, time.Since(began))
	}
}

// wait waits until it is time to read again.
func (w *watch) wait(ctx context.Context, took time.Duration) {
	least := time.NewTimer(max(watchedEvery, share*took))
	defer least.Stop()
	select {
	case <-ctx.Done():
		return
	case <-least.C:
	}
	if time.Since(time.Unix(w.looked.Load(), 0)) < watchedFor {
		return
	}
	most := time.NewTimer(max(unwatchedEvery, unwatchedShare*took) - max(watchedEvery, share*took))
	defer most.Stop()
	select {
	case <-ctx.Done():
	case <-most.C:
	case <-w.wake:
	}
}

// look reads the documents once.
func (w *watch) look(ctx context.Context, now time.Time) {
	within, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	next, err := read(within, w.docs)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.last.err == nil {
			w.log.Warn("the page cannot be brought up to date: the database cannot be read", "reason", err)
		}
		w.last.err = err
		return
	}
	next.at, next.since = now, w.history.since
	w.measure(&next)
	w.listen(&next)
	w.history.add(next)
	w.last = next
}

// measure sets the rates of a snapshot, by the oldest one that is kept for that.
func (w *watch) measure(next *snapshot) {
	next.rates = map[string]float64{}
	w.earlier = append(w.earlier, *next)
	for len(w.earlier) > 1 && next.at.Sub(w.earlier[1].at) >= rateOver {
		w.earlier = w.earlier[1:]
	}
	from := w.earlier[0]
	seconds := next.at.Sub(from.at).Seconds()
	if seconds <= 0 {
		return
	}
	before := map[string]int64{}
	for _, a := range from.actors {
		before[a.ID] = a.Events
	}
	for _, a := range next.actors {
		if was, known := before[a.ID]; known {
			next.rates[a.ID] = max(0, float64(a.Events-was)/seconds)
		}
	}
	progress.NewMeter(from.at, from.tree).Measure(next.at, next.tree)
}

// listen notes the chains that are silent. Those that were stopped are so for a reason.
func (w *watch) listen(next *snapshot) {
	before := w.written
	w.written, next.silent = map[string]written{}, map[string]bool{}
	for _, c := range next.tree {
		last, known := before[c.Name]
		if !known || !last.at.Equal(c.UpdatedAt) {
			last = written{c.UpdatedAt, next.at}
		}
		w.written[c.Name] = last
		next.silent[c.Name] = c.Running && next.at.Sub(last.seen) >= silentAfter
	}
}

// now is the last snapshot, for somebody who looks.
func (w *watch) now() snapshot {
	w.looked.Store(time.Now().Unix())
	select {
	case w.wake <- struct{}{}:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// points are those of a chain's history after a time.
func (w *watch) points(chain string, after int64) (series, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history.of(chain, after)
}

// read reads a snapshot.
func read(ctx context.Context, docs persistence.Querier) (s snapshot, err error) {
	byID := []persistence.SortKey{{Path: "_id"}}
	if s.nodes, err = persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes, Sort: byID}); err != nil {
		return s, err
	}
	if s.leases, err = persistence.Collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases, Sort: byID}); err != nil {
		return s, err
	}
	if s.actors, err = persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors, Sort: byID}); err != nil {
		return s, err
	}
	if s.audits, err = persistence.Collect[persistence.Audit](ctx, docs, persistence.Query{Collection: persistence.Audits, Sort: byID}); err != nil {
		return s, err
	}
	if s.hooks, err = persistence.Collect[persistence.Hook](ctx, docs, persistence.Query{Collection: persistence.Hooks, Sort: byID}); err != nil {
		return s, err
	}
	for i := range s.actors {
		s.actors[i].Trail = nil // which nobody sees
	}
	s.tree = progress.Of(s.actors)
	return s, nil
}
