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

// The documents are read at these intervals, or less often, so that reading takes at most
// one part in watchedShare of the time while there are viewers, and one in idleShare
// otherwise.
const (
	watchedEvery = 2 * time.Second
	idleEvery    = 15 * time.Second
	watchedFor   = 30 * time.Second // after the last request of a viewer
	watchedShare = 10
	idleShare    = 100
	readTimeout  = 10 * time.Second
)

// rateWindow is the minimum time over which rates are measured. Actors report once a
// second.
const rateWindow = 6 * time.Second

// silentAfter is the time without writes, by this process's clock, after which a chain is
// silent. The head of a followed chain writes every few seconds.
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
	silent map[string]bool    // by chain
	err    error              // why the last read failed; the other fields are older then
}

// watch reads the documents of the actors periodically and keeps a history of one hour.
type watch struct {
	docs   persistence.Querier
	log    *slog.Logger
	viewed atomic.Int64 // when a viewer last made a request, in Unix seconds
	wake   chan struct{}

	mu      sync.Mutex
	last    snapshot
	earlier []snapshot // for measuring rates, the oldest first
	written map[string]written
	history *history
}

// written is the time of a chain's last write, by the store's clock, and the time when this
// process first saw it, by its own clock.
type written struct{ at, seen time.Time }

func newWatch(docs persistence.Querier, log *slog.Logger) *watch {
	return &watch{docs: docs, log: log, wake: make(chan struct{}, 1), history: newHistory(time.Now())}
}

// run reads the documents until the context ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		w.poll(ctx, began)
		w.wait(ctx, time.Since(began))
	}
}

// wait waits until the next read, given the duration of the last one.
func (w *watch) wait(ctx context.Context, took time.Duration) {
	least := time.NewTimer(max(watchedEvery, watchedShare*took))
	defer least.Stop()
	select {
	case <-ctx.Done():
		return
	case <-least.C:
	}
	if time.Since(time.Unix(w.viewed.Load(), 0)) < watchedFor {
		return
	}
	most := time.NewTimer(max(idleEvery, idleShare*took) - max(watchedEvery, watchedShare*took))
	defer most.Stop()
	select {
	case <-ctx.Done():
	case <-most.C:
	case <-w.wake:
	}
}

// poll reads the documents once.
func (w *watch) poll(ctx context.Context, now time.Time) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	next, err := read(limited, w.docs)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.last.err == nil {
			w.log.Warn("the page cannot be updated: the database cannot be read", "reason", err)
		}
		w.last.err = err
		return
	}
	next.at, next.since = now, w.history.since
	w.measure(&next)
	w.markSilent(&next)
	w.history.add(next)
	w.last = next
}

// measure sets the rates of a snapshot, compared with the oldest one kept.
func (w *watch) measure(next *snapshot) {
	next.rates = map[string]float64{}
	w.earlier = append(w.earlier, *next)
	for len(w.earlier) > 1 && next.at.Sub(w.earlier[1].at) >= rateWindow {
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
		if events, known := before[a.ID]; known {
			next.rates[a.ID] = max(0, float64(a.Events-events)/seconds)
		}
	}
	progress.NewMeter(from.at, from.tree).Measure(next.at, next.tree)
}

// markSilent sets the silent chains of a snapshot. Stopped chains are not silent.
func (w *watch) markSilent(next *snapshot) {
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

// now returns the last snapshot for a viewer.
func (w *watch) now() snapshot {
	w.viewed.Store(time.Now().Unix())
	select {
	case w.wake <- struct{}{}:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// points returns a chain's history after a time, in Unix seconds; false if there is none.
func (w *watch) points(chain string, after int64) (series, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history.of(chain, after)
}

// read reads a snapshot.
func read(ctx context.Context, docs persistence.Querier) (s snapshot, err error) {
	if s.nodes, err = readAll[persistence.Node](ctx, docs, persistence.Nodes); err != nil {
		return s, err
	}
	if s.leases, err = readAll[persistence.Lease](ctx, docs, persistence.Leases); err != nil {
		return s, err
	}
	if s.actors, err = readAll[persistence.Actor](ctx, docs, persistence.Actors); err != nil {
		return s, err
	}
	if s.audits, err = readAll[persistence.Audit](ctx, docs, persistence.Audits); err != nil {
		return s, err
	}
	if s.hooks, err = readAll[persistence.Hook](ctx, docs, persistence.Hooks); err != nil {
		return s, err
	}
	for i := range s.actors {
		s.actors[i].Trail = nil // not shown
	}
	s.tree = progress.Of(s.actors)
	return s, nil
}

// readAll reads all documents of a collection, by _id.
func readAll[T any](ctx context.Context, docs persistence.Querier, collection string) ([]T, error) {
	byID := []persistence.SortKey{{Path: "_id"}}
	return persistence.Collect[T](ctx, docs, persistence.Query{Collection: collection, Sort: byID})
}
