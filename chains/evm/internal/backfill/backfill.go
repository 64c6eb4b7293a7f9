// Package backfill reads final blocks in windows. Streams near each other share them, and
// several are in flight:
//
//	blocks    0      1000      3000      7000
//	windows   ├───────┼─────────┼─────────┼╌╌╌╌╌▶   list and buy are read together
//	          list ───────▶             ▲
//	          buy  ──────────▶          in flight, ahead of both
//
// A stream far from the others has windows of its own until it catches up with them.
//
// It guarantees:
//   - A page holds every event of its source after the place from which it was read, up to
//     its end, once and in order.
//   - A page leads on from the block at that place: a window on another branch is refused.
//   - A range is fetched once, however many streams read it, as long as memory allows.
//   - Memory is bounded by a budget. When it is short, streams ahead wait for those behind.
package backfill

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// Windows are the windows in which final blocks are read.
type Windows struct {
	cfg    Config
	source Source
	ctx    context.Context // of fetches, which serve several readers
	sizes  *windowSizer

	mu          sync.Mutex
	violations  int              // counted in the view of the windows
	positions   map[string]int64 // by source: the last block it has read
	windows     []*window        // sorted by first block
	linked      map[markets.Place]bool
	ends        windowEnds
	concurrency int // windows in flight: doubled by a success, halved by an error
	backpressure

	flights singleflight.Group // of places being asked for
}

// Config is what a backfill is made of.
type Config struct {
	Filters  map[string]eth.Filter // by source
	MaxRange int64                 // blocks of one window
	InFlight int                   // windows fetched concurrently
	Budget   *endpoint.Budget      // of the bytes of the windows that are kept
}

// New makes a backfill that fetches until the context ends.
func New(ctx context.Context, cfg Config, source Source) *Windows {
	return &Windows{
		cfg: cfg, source: source, ctx: ctx, sizes: newWindowSizer(cfg.MaxRange),
		positions: map[string]int64{}, linked: map[markets.Place]bool{}, ends: windowEnds{}, concurrency: 1,
		backpressure: backpressure{lastRead: map[string]time.Time{}, freed: make(chan struct{})},
	}
}

// SuspiciouslyFew says whether a range of blocks holds far fewer events than those before it.
func (b *Windows) SuspiciouslyFew(blocks int64, events int) bool {
	return b.sizes.suspiciouslyFew(blocks, events)
}

// Source is what windows are fetched from: the chain's endpoints.
type Source interface {
	// FetchRange fetches the logs of the blocks from first on, of as many as an endpoint
	// answers, at most to last.
	FetchRange(ctx context.Context, in eth.Interest, first, last int64) (Range, error)
	// Fetched is called with the last log of each window that was fetched and has any.
	Fetched(ctx context.Context, last markets.Raw)
	// FillTimes sets the times of events whose logs had none.
	FillTimes(ctx context.Context, raws []markets.Raw) error
	// Headers are the headers at two heights, in one request; one without a hash is of a
	// height without a block.
	Headers(ctx context.Context, lower, upper int64) (low, high eth.Header, err error)
	// HeadersBelow are the headers at heights below a block, which must still be on the
	// chain, and the endpoint that gave them; the first is the newest block at or below its
	// height. ErrReorganised: the block is no longer on the chain.
	HeadersBelow(ctx context.Context, block markets.Place, heights []int64) ([]eth.Header, *endpoint.Endpoint, error)
	// LargestRange is how many of the wanted blocks the best endpoint answers in one request.
	LargestRange(wanted int64) int64
	// FinalityInDoubt says whether a finality violation was seen that is not confirmed yet.
	FinalityInDoubt() bool
}

// Read reads the events of a source after a place, up to the block last at most.
func (b *Windows) Read(ctx context.Context, view *chains.View, key string, after markets.Place, last int64, limit int) (chains.Page, error) {
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
			return page, nil // finished windows do not wait for others
		}
		next, err := b.readWindow(ctx, view, w, key, page.To, last, limit-len(page.Raws))
		switch {
		case err != nil && page.To != after:
			return page, nil
		case errors.Is(err, endpoint.ErrBudget), errors.Is(err, errCutShort): // the window was prefetched, or does not reach the block
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

// errCutShort: an endpoint answered only a part of a window, and the block awaited lies behind it.
var errCutShort = errors.New("the window was cut short")

// readWindow reads what one window holds after a place.
func (b *Windows) readWindow(ctx context.Context, view *chains.View, w *window, key string, after markets.Place, last int64, limit int) (chains.Page, error) {
	select {
	case <-ctx.Done():
		return chains.Page{}, context.Cause(ctx)
	case <-w.done:
	}
	if w.err != nil {
		return chains.Page{}, w.err
	}
	if w.last <= after.Seq {
		return chains.Page{}, errCutShort
	}
	if err := b.link(ctx, view, w, after); err != nil {
		b.discard(w)
		return chains.Page{}, err
	}
	if err := w.fillTimes(ctx, b.source); err != nil {
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
	f := b.cfg.Filters[key]
	var raws []markets.Raw
	for i := range w.raws {
		if raw := &w.raws[i]; raw.Seq > after.Seq && raw.Seq <= to.Seq && f.Matches(raw) {
			raws = append(raws, *raw)
		}
	}
	return cut(chains.Page{To: to, Raws: raws}, limit), nil
}

// Reset drops all windows: nothing that was final is certain any more.
func (b *Windows) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *Windows) clear() {
	for _, w := range b.windows {
		b.release(w)
	}
	b.windows = nil
	clear(b.linked)
	clear(b.ends)
}

// cut shortens a page of more than twice the wanted number of events, after a whole block.
func cut(page chains.Page, limit int) chains.Page {
	if len(page.Raws) <= 2*limit {
		return page
	}
	n := limit
	for n > 0 && page.Raws[n-1].Seq == page.Raws[n].Seq {
		n--
	}
	if n == 0 { // the first block alone has more
		for n = limit; n < len(page.Raws) && page.Raws[n].Seq == page.Raws[0].Seq; n++ {
		}
	}
	if n == len(page.Raws) {
		return page
	}
	last := page.Raws[n-1]
	return chains.Page{To: markets.Place{Seq: last.Seq, Hash: last.Block}, Raws: page.Raws[:n:n]}
}
