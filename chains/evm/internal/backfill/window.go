package backfill

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// window is a range of final blocks that is fetched once, for all sources that need it.
type window struct {
	first, last int64 // last may be lowered until it is done
	interest    eth.Interest
	started     time.Time
	done        chan struct{}

	// Set when done is closed.
	err    error
	raws   []markets.Raw
	hash   string
	from   *endpoint.Endpoint
	lease  *endpoint.Lease
	timing *semaphore.Weighted     // held while times are filled
	places map[int64]markets.Place // within it, that were asked for
}

func (w *window) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

func (w *window) fillTimes(ctx context.Context, source Source) error {
	if err := w.timing.Acquire(ctx, 1); err != nil {
		return err
	}
	defer w.timing.Release(1)
	return source.FillTimes(ctx, w.raws)
}

// windowFor returns the window that holds a block for a source, opening it and some after it
// if need be; or nil, and a channel that is closed when memory was freed.
func (b *Windows) windowFor(view *chains.View, key string, block int64) (*window, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if view.FinalityViolations != b.violations { // nothing that was final is certain any more
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
		w = b.open(b.ctx, key, block, view.Final.Seq)
	}
	b.readAhead(key, w, view.Final.Seq)
	return w, nil
}

// find returns the window that holds a block for a source, nil if there is none.
func (b *Windows) find(key string, block int64) *window {
	for _, w := range b.windows {
		if w.first <= block && block <= w.last && w.interest.Keys[key] {
			return w
		}
	}
	return nil
}

// readAhead opens windows after one, as many as may be in flight.
func (b *Windows) readAhead(key string, w *window, final int64) {
	inFlight, ahead := 0, 0
	for _, other := range b.windows {
		if !other.isDone() {
			inFlight++
		}
	}
	most := b.cfg.InFlight
	for next := w.last + 1; next <= final && !b.outOfMemory && inFlight < min(b.concurrency, most) && ahead < 2*most; ahead++ {
		following := b.find(key, next)
		if following == nil {
			following = b.open(endpoint.Prefetch(b.ctx), key, next, final)
			inFlight++
		}
		next = following.last + 1
	}
}

// open starts to fetch a window that begins at a block.
func (b *Windows) open(ctx context.Context, key string, first, final int64) *window {
	last := min(first+b.windowSize()-1, final)
	for _, other := range b.windows {
		if other.first > first && other.interest.Keys[key] {
			last = min(last, other.first-1)
		}
	}
	w := &window{
		first: first, last: last, interest: b.interestedIn(last), started: time.Now(), done: make(chan struct{}),
		timing: semaphore.NewWeighted(1),
	}
	at, _ := slices.BinarySearchFunc(b.windows, w, func(a, b *window) int { return int(min(max(a.first-b.first, -1), 1)) })
	b.windows = slices.Insert(b.windows, at, w)
	go b.fetch(ctx, w)
	return w
}

// windowSize is how many blocks a new window spans: at most as many as an endpoint answers at
// once.
func (b *Windows) windowSize() int64 {
	return b.source.LargestRange(b.sizes.blocksPerWindow())
}

// interestedIn is the sources that have not read as far as a block.
func (b *Windows) interestedIn(last int64) eth.Interest {
	in := eth.Interest{Keys: map[string]bool{}, Each: map[string]eth.Filter{}}
	for key, f := range b.cfg.Filters {
		if at, known := b.positions[key]; !known || at < last {
			in.Keys[key], in.Each[key] = true, f
		}
	}
	in.All = eth.Union(in.Each)
	return in
}

// fetch fetches a window, or as much of it as an endpoint answers at once: later windows hold
// the rest.
func (b *Windows) fetch(ctx context.Context, w *window) {
	got, err := b.source.FetchRange(ctx, w.interest, w.first, w.last)
	if n := len(got.Raws); n > 0 {
		defer b.source.Fetched(b.ctx, got.Raws[n-1]) // a copy: readers of the window fill in its times
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		w.err = err
		b.concurrency = max(1, b.concurrency/2)
		b.remove(w)
	} else {
		b.concurrency = min(2*b.concurrency, b.cfg.InFlight)
		b.sizes.observe(got.Last-got.First+1, len(got.Raws))
		w.last, w.hash, w.raws, w.from = got.Last, got.Hash, got.Raws, got.From
		b.keep(w)
	}
	close(w.done)
}

// keep keeps a fetched window for later readers if there is memory for it, and if it was not
// dropped while being fetched. Otherwise only its present readers get it.
func (b *Windows) keep(w *window) {
	if !slices.Contains(b.windows, w) {
		return
	}
	b.ends.add(markets.Place{Seq: w.last, Hash: w.hash}, windowEnd{w.from, w.started})
	if w.lease = b.cfg.Budget.TryLease(eth.SizeOf(w.raws)); w.lease == nil {
		b.outOfMemory = true
		b.remove(w)
	}
}

// evict drops the windows that all of their sources have read, and the first ones if there are
// too many. The last one that was read is kept, to link the next one to.
func (b *Windows) evict() {
	read := func(w *window) bool {
		for key := range w.interest.Keys {
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
	for i := 0; len(b.windows) > 4*b.cfg.InFlight && i < len(b.windows); {
		if !b.windows[i].isDone() {
			i++
			continue
		}
		b.remove(b.windows[i])
	}
}

// discard drops a window whose branch is in doubt.
func (b *Windows) discard(w *window) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(w)
	clear(b.ends)
}

func (b *Windows) remove(w *window) {
	if i := slices.Index(b.windows, w); i >= 0 {
		b.windows = slices.Delete(b.windows, i, i+1)
		b.release(w)
	}
}

// Range is the logs of final blocks from First to Last that one endpoint answered.
type Range struct {
	First, Last int64
	Hash        string // of the block at last
	Raws        []markets.Raw
	From        *endpoint.Endpoint
}
