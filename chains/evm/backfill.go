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
	sizes *sizes

	mu      sync.Mutex
	breaks  int              // of the view that the windows are of
	at      map[string]int64 // by source, how far it has read; none: not at all
	windows []*window        // by their first blocks
	allowed int              // windows in flight: grows with successes
	linked  map[markets.Place]bool
}

// window is a range of final blocks that is fetched once.
type window struct {
	first, last int64 // last may become less until it is done
	in          interest
	begun       time.Time
	done        chan struct{}

	// Once it is done.
	err    error
	raws   []markets.Raw
	hash   string
	from   *endpoint.Endpoint
	lease  *endpoint.Lease
	timing sync.Mutex // held while times are filled in
}

func newBackfill(c *Chain) *backfill {
	return &backfill{chain: c, sizes: newSizes(c.cfg.MaxRange), at: map[string]int64{}, allowed: 1, linked: map[markets.Place]bool{}}
}

// read reads the events of a source behind a place, at most to the block last.
func (b *backfill) read(ctx context.Context, view *chains.View, key string, after markets.Place, last int64, limit int) (chains.Page, error) {
	page := chains.Page{To: after}
	for {
		w := b.need(view, key, page.To.Seq+1)
		if page.To != after && !w.isDone() {
			return page, nil // what is there is not held up by what is not
		}
		next, err := b.readWindow(ctx, view, w, key, page.To, last, limit-len(page.Raws))
		if err != nil {
			if page.To != after {
				return page, nil
			}
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
		b.drop(w)
		return chains.Page{}, err
	}
	if err := w.fillTimes(ctx, b.chain); err != nil {
		return chains.Page{}, err
	}
	to := markets.Place{Seq: w.last, Hash: w.hash}
	if last < w.last {
		var err error
		if to, err = b.chain.placeAt(ctx, w, last); err != nil {
			if errors.Is(err, chains.ErrReorganised) {
				b.drop(w)
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

// placeAt is the place at a block of a window before its end. The end comes in the same
// answer: the place is on the branch that the window's logs are of.
func (c *Chain) placeAt(ctx context.Context, w *window, number int64) (markets.Place, error) {
	var h, end header
	err := c.use(ctx, reaching(w.last), func(ctx context.Context, n client) (err error) {
		var id int64
		if err := n.do(ctx, chainID(&id), blockByNumber(quantity(number), &h), blockByNumber(quantity(w.last), &end)); err != nil {
			return err
		}
		if err := c.isOurs(n, id); err != nil {
			return err
		}
		if end.hash != "" && end.hash != w.hash {
			return n.Errorf("%w: block %d is no longer %s", chains.ErrReorganised, w.last, w.hash)
		}
		if h.hash == "" {
			h, err = c.atOrBelow(ctx, n, number)
		}
		return err
	})
	return markets.Place{Seq: number, Hash: h.hash}, err
}

// finalBlock is the header of a final block, of an endpoint that says in the same answer
// that it serves the chain: no parent hash proves it. It may be missing.
func (c *Chain) finalBlock(ctx context.Context, n client, number int64) (h header, err error) {
	var id int64
	if err := n.do(ctx, chainID(&id), blockByNumber(quantity(number), &h)); err != nil {
		return header{}, err
	}
	return h, c.isOurs(n, id)
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

// need is the window that holds a block for a source. It is fetched unless it is there,
// and so are some that follow it.
func (b *backfill) need(view *chains.View, key string, block int64) *window {
	b.mu.Lock()
	defer b.mu.Unlock()
	if view.Breaks != b.breaks { // nothing that was final is certain
		b.breaks = view.Breaks
		b.clear()
	}
	b.at[key] = block - 1
	b.evict()
	w := b.holding(key, block)
	if w == nil {
		w = b.begin(b.chain.life, key, block, view.Final.Seq)
	}
	b.readAhead(key, w, view.Final.Seq)
	return w
}

// holding is the window that holds a block for a source, if there is one.
func (b *backfill) holding(key string, block int64) *window {
	for _, w := range b.windows {
		if w.first <= block && block <= w.last && w.in.keys[key] {
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
	for next := w.last + 1; next <= final && inFlight < min(b.allowed, most) && ahead < 2*most; ahead++ {
		following := b.holding(key, next)
		if following == nil {
			following = b.begin(endpoint.Ahead(b.chain.life), key, next, final)
			inFlight++
		}
		next = following.last + 1
	}
}

// begin begins to fetch a window from a block on.
func (b *backfill) begin(ctx context.Context, key string, first, final int64) *window {
	last := min(first+b.size()-1, final)
	for _, other := range b.windows {
		if other.first > first && other.in.keys[key] {
			last = min(last, other.first-1)
		}
	}
	w := &window{first: first, last: last, in: b.interested(last), begun: time.Now(), done: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(b.windows, w, func(a, b *window) int { return int(min(max(a.first-b.first, -1), 1)) })
	b.windows = slices.Insert(b.windows, at, w)
	go b.fetch(ctx, w)
	return w
}

// size is how many blocks a window is to span: no more than an endpoint answers at once.
func (b *backfill) size() int64 {
	wanted, most := b.sizes.next(), int64(1)
	for _, e := range b.chain.pool.All() {
		most = max(most, e.Limits.Blocks(wanted))
	}
	return most
}

// interested is the sources that have not read as far as a block.
func (b *backfill) interested(last int64) interest {
	in := interest{keys: map[string]bool{}, each: map[string]filter{}}
	for key, f := range b.chain.filters {
		if at, known := b.at[key]; !known || at < last {
			in.keys[key], in.each[key] = true, f
		}
	}
	in.all = union(in.each)
	return in
}

// fetch fetches a window. What was answered before a failure becomes a shorter window.
func (b *backfill) fetch(ctx context.Context, w *window) {
	var raws []markets.Raw
	var reached part
	var err error
	for next := w.first; next <= w.last; next = reached.last + 1 {
		var got part
		if got, err = b.chain.fetch(ctx, w.in, next, w.last); err != nil {
			break
		}
		b.sizes.answered(got.last-got.first+1, len(got.raws))
		raws, reached = append(raws, got.raws...), got
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if reached.hash == "" {
		w.err = err
	}
	if err != nil {
		b.allowed = max(1, b.allowed/2)
	} else {
		b.allowed = min(2*b.allowed, b.chain.cfg.InFlight)
	}
	if w.err == nil {
		w.last, w.hash, w.raws, w.from = reached.last, reached.hash, raws, reached.from
		w.lease = b.chain.budget.Try(sizeOf(raws))
	}
	if w.err != nil || w.lease == nil { // not kept: only those get it who wait for it
		b.remove(w)
	}
	close(w.done)
}

// sizeOf is about how many bytes raw events take.
func sizeOf(raws []markets.Raw) int64 {
	const each = 256
	size := int64(0)
	for i := range raws {
		size += each + int64(len(raws[i].Data)+32*len(raws[i].Topics))
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
	err := b.chain.use(ctx, reaching(w.last), func(ctx context.Context, n client) error {
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

// apart is how far apart in time windows may be that belong together.
const apart = time.Minute

func (b *backfill) isLinked(w *window, after markets.Place) bool {
	if b.chain.breaks.open() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.linked[after] {
		return true
	}
	for _, other := range b.windows {
		if other.isDone() && other.last == after.Seq && other.hash == after.Hash && other.from != nil && other.from == w.from {
			return w.begun.Sub(other.begun).Abs() < apart
		}
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
		for key := range w.in.keys {
			if at, known := b.at[key]; !known || at <= w.last {
				return false
			}
		}
		return true
	}
	b.windows = slices.DeleteFunc(b.windows, func(w *window) bool {
		if gone := w.isDone() && read(w); gone {
			w.lease.Release()
			return true
		}
		return false
	})
	for i := 0; len(b.windows) > 4*b.chain.cfg.InFlight && i < len(b.windows); {
		if !b.windows[i].isDone() {
			i++
			continue
		}
		b.remove(b.windows[i])
	}
}

func (b *backfill) drop(w *window) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(w)
}

func (b *backfill) remove(w *window) {
	if i := slices.Index(b.windows, w); i >= 0 {
		b.windows = slices.Delete(b.windows, i, i+1)
		w.lease.Release()
	}
}

// forget drops all windows: nothing that was final is certain.
func (b *backfill) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *backfill) clear() {
	for _, w := range b.windows {
		w.lease.Release()
	}
	b.windows, b.linked = nil, map[markets.Place]bool{}
}
