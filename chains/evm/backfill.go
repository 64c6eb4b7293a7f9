package evm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// backfill reads final blocks in windows, which all streams share that stand near each
// other, several in flight:
//
//	blocks    0      1000      3000      7000
//	windows   ├───────┼─────────┼─────────┼╌╌╌╌╌▶   list and buy are read together
//	          list ───────▶             ▲
//	          buy  ──────────▶          in flight, ahead of both
//
// A stream that stands elsewhere has windows of its own until it meets others.
type backfill struct {
	chain *Chain
	sizes *windowSizer

	mu          sync.Mutex
	violations  int              // of the view that the windows are of
	positions   map[string]int64 // by source, how far it has read; none: not at all
	windows     []*window        // by their first blocks
	linked      map[markets.Place]bool
	ends        windowEnds
	concurrency int // windows in flight: grows with successes
	backpressure
}

func newBackfill(c *Chain) *backfill {
	return &backfill{chain: c, sizes: newWindowSizer(c.cfg.MaxRange), positions: map[string]int64{}, linked: map[markets.Place]bool{}, ends: windowEnds{},
		concurrency: 1, backpressure: backpressure{lastRead: map[string]time.Time{}, freed: make(chan struct{})}}
}

// read reads the events of a source behind a place, at most to the block last.
func (b *backfill) read(ctx context.Context, view *chains.View, key string, after markets.Place, last int64, limit int) (chains.Page, error) {
	page := chains.Page{To: after}
	for {
		w, room := b.windowFor(view, key, page.To.Seq+1)
		if w == nil && page.To == after {
			if err := waitForMemory(ctx, room); err != nil {
				return chains.Page{}, err
			}
			continue
		}
		if page.To != after && (w == nil || !w.isDone()) {
			return page, nil // what is there is not held up by what is not
		}
		next, err := b.readWindow(ctx, view, w, key, page.To, last, limit-len(page.Raws))
		switch {
		case err != nil && page.To != after:
			return page, nil
		case errors.Is(err, endpoint.ErrBudget): // nobody waited for the window when it was begun
			continue
		case err != nil:
			return chains.Page{}, err
		}
		page.To, page.Raws = next.To, append(page.Raws, next.Raws...)
		if page.To.Seq >= last || len(page.Raws) >= limit || page.To.Seq < w.last {
			return page, nil
		}
	}
}

// readWindow reads what a window holds behind a place.
func (b *backfill) readWindow(ctx context.Context, view *chains.View, w *window, key string, after markets.Place, last int64, limit int) (chains.Page, error) {
	select {
	case <-ctx.Done():
		return chains.Page{}, context.Cause(ctx)
	case <-w.done:
	}
	if w.err != nil {
		return chains.Page{}, w.err
	}
	if err := b.link(ctx, view, w, after); err != nil {
		b.discard(w)
		return chains.Page{}, err
	}
	if err := w.fillTimes(ctx, b.chain); err != nil {
		return chains.Page{}, err
	}
	to := markets.Place{Seq: w.last, Hash: w.hash}
	if last < w.last {
		var err error
		if to, err = b.placeAt(ctx, view, w, last); err != nil {
			if errors.Is(err, chains.ErrReorganised) {
				b.discard(w)
			}
			return chains.Page{}, err
		}
	}
	f := b.chain.filters[key]
	var raws []markets.Raw
	for i := range w.raws {
		if raw := &w.raws[i]; raw.Seq > after.Seq && raw.Seq <= to.Seq && f.matches(raw) {
			raws = append(raws, *raw)
		}
	}
	return cut(chains.Page{To: to, Raws: raws}, limit), nil
}

// reset drops all windows: nothing that was final is certain.
func (b *backfill) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *backfill) clear() {
	for _, w := range b.windows {
		b.release(w)
	}
	b.windows = nil
	clear(b.linked)
	clear(b.ends)
}
