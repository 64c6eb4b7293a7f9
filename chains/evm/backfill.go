package evm

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// window is a range of final blocks that is fetched once.
type window struct {
	first, last int64 // last may become less until it is done
	interest    interest
	started     time.Time
	done        chan struct{}

	// Once it is done.
	err    error
	raws   []markets.Raw
	hash   string
	from   *endpoint.Endpoint
	lease  *endpoint.Lease
	timing sync.Mutex              // held while times are filled in
	places map[int64]markets.Place // of blocks within it
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

func (w *window) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

func (w *window) fillTimes(ctx context.Context, c *Chain) error {
	w.timing.Lock()
	defer w.timing.Unlock()
	return c.fillTimes(ctx, w.raws)
}

// windowFor is the window that holds a block for a source. It is fetched unless it is there,
// and so are some that follow it; or there is none until there is room for it.
func (b *backfill) windowFor(view *chains.View, key string, block int64) (*window, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if view.FinalityViolations != b.violations { // nothing that was final is certain
		b.violations = view.FinalityViolations
		b.clear()
	}
	if at, known := b.positions[key]; !known || at != block-1 {
		b.positions[key], b.lastRead[key] = block-1, time.Now()
	}
	b.evict()
	w := b.find(key, block)
	if w == nil {
		if b.mustWait(key) {
			return nil, b.freed
		}
		w = b.open(b.chain.ctx, key, block, view.Final.Seq)
	}
	b.readAhead(key, w, view.Final.Seq)
	return w, nil
}

// find is the window that holds a block for a source, if there is one.
func (b *backfill) find(key string, block int64) *window {
	for _, w := range b.windows {
		if w.first <= block && block <= w.last && w.interest.keys[key] {
			return w
		}
	}
	return nil
}

// readAhead begins the windows behind one, as many as are allowed.
func (b *backfill) readAhead(key string, w *window, final int64) {
	inFlight, ahead := 0, 0
	for _, other := range b.windows {
		if !other.isDone() {
			inFlight++
		}
	}
	most := b.chain.cfg.InFlight
	for next := w.last + 1; next <= final && !b.outOfMemory && inFlight < min(b.concurrency, most) && ahead < 2*most; ahead++ {
		following := b.find(key, next)
		if following == nil {
			following = b.open(endpoint.Ahead(b.chain.ctx), key, next, final)
			inFlight++
		}
		next = following.last + 1
	}
}

// open begins to fetch a window from a block on.
func (b *backfill) open(ctx context.Context, key string, first, final int64) *window {
	last := min(first+b.windowSize()-1, final)
	for _, other := range b.windows {
		if other.first > first && other.interest.keys[key] {
			last = min(last, other.first-1)
		}
	}
	w := &window{first: first, last: last, interest: b.interestedIn(last), started: time.Now(), done: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(b.windows, w, func(a, b *window) int { return int(min(max(a.first-b.first, -1), 1)) })
	b.windows = slices.Insert(b.windows, at, w)
	go b.fetch(ctx, w)
	return w
}

// windowSize is how many blocks a window is to span: no more than an endpoint answers at once.
func (b *backfill) windowSize() int64 {
	wanted, most := b.sizes.blocksPerWindow(), int64(1)
	for _, e := range b.chain.pool.All() {
		most = max(most, e.Limits.Blocks(wanted))
	}
	return most
}

// interestedIn is the sources that have not read as far as a block.
func (b *backfill) interestedIn(last int64) interest {
	in := interest{keys: map[string]bool{}, each: map[string]filter{}}
	for key, f := range b.chain.filters {
		if at, known := b.positions[key]; !known || at < last {
			in.keys[key], in.each[key] = true, f
		}
	}
	in.all = union(in.each)
	return in
}

// fetch fetches a window, or as much of it as an endpoint answers at once: the rest is
// left to other windows, which are asked for side by side.
func (b *backfill) fetch(ctx context.Context, w *window) {
	got, err := b.chain.fetchRange(ctx, w.interest, w.first, w.last)
	defer b.chain.probeBlooms(b.chain.ctx, got.raws)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		w.err = err
		b.concurrency = max(1, b.concurrency/2)
	} else {
		b.concurrency = min(2*b.concurrency, b.chain.cfg.InFlight)
		b.sizes.observe(got.last-got.first+1, len(got.raws))
		w.last, w.hash, w.raws, w.from = got.last, got.hash, got.raws, got.from
		w.lease = b.chain.budget.Try(sizeOf(got.raws))
		b.outOfMemory = b.outOfMemory || w.lease == nil
		b.ends.add(markets.Place{Seq: w.last, Hash: w.hash}, windowEnd{w.from, w.started})
	}
	if w.err != nil || w.lease == nil { // not kept: only those get it who wait for it
		b.remove(w)
	}
	close(w.done)
}

// sizeOf is about how many bytes raw events take.
func sizeOf(raws []markets.Raw) int64 {
	size := int64(0)
	for i := range raws {
		size += logOverhead + int64(len(raws[i].Data)+32*len(raws[i].Topics))
	}
	return size
}

// logOverhead is about how many bytes a log takes beside its topics and data.
const logOverhead = 256

func sizeOfLogs(logs []markets.Log) int64 {
	size := int64(0)
	for i := range logs {
		size += logOverhead + int64(len(logs[i].Data)+32*len(logs[i].Topics))
	}
	return size
}

// link makes sure that a window begins on the branch of a place at which a stream stands,
// and that it ends on the view's. Windows that one endpoint gave one after the other
// belong together.
func (b *backfill) link(ctx context.Context, view *chains.View, w *window, after markets.Place) error {
	if w.last == view.Final.Seq && view.Final.Hash != "" && w.hash != view.Final.Hash {
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, w.last, view.Final.Hash)
	}
	if after.Hash == "" || b.isLinked(w, after) {
		return nil
	}
	var start, end header
	err := b.chain.use(ctx, withBlock(w.last), func(ctx context.Context, n client) error {
		return n.do(ctx, blockByNumber(quantity(after.Seq), &start), blockByNumber(quantity(w.last), &end))
	})
	switch {
	case err != nil:
		return err
	case start.hash != "" && start.hash != after.Hash:
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, after.Seq, after.Hash)
	case end.hash != "" && end.hash != w.hash:
		return fmt.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, w.last, w.hash)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.linked) > 1000 {
		clear(b.linked)
	}
	b.linked[after] = true
	return nil
}

// maxLinkAge is how far apart in time windows may be that belong together.
const maxLinkAge = time.Minute

func (b *backfill) isLinked(w *window, after markets.Place) bool {
	if b.chain.violations.pending() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.linked[after] {
		return true
	}
	if other, ok := b.ends[after]; ok && other.from != nil && other.from == w.from {
		return w.started.Sub(other.started).Abs() < maxLinkAge
	}
	// Within a window, behind a block whose logs it holds.
	for i := range w.raws {
		if w.raws[i].Seq == after.Seq {
			return w.raws[i].Block == after.Hash
		}
	}
	return false
}

// evict drops the windows that all of their sources have read, and the first ones if
// there are too many; the newest that was read is kept, to link the next one to.
func (b *backfill) evict() {
	read := func(w *window) bool {
		for key := range w.interest.keys {
			if at, known := b.positions[key]; !known || at <= w.last {
				return false
			}
		}
		return true
	}
	b.windows = slices.DeleteFunc(b.windows, func(w *window) bool {
		gone := w.isDone() && read(w)
		if gone {
			b.release(w)
		}
		return gone
	})
	for i := 0; len(b.windows) > 4*b.chain.cfg.InFlight && i < len(b.windows); {
		if !b.windows[i].isDone() {
			i++
			continue
		}
		b.remove(b.windows[i])
	}
}

func (b *backfill) discard(w *window) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(w)
	clear(b.ends)
}

func (b *backfill) remove(w *window) {
	if i := slices.Index(b.windows, w); i >= 0 {
		b.windows = slices.Delete(b.windows, i, i+1)
		b.release(w)
	}
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
