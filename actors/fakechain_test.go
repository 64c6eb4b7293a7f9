package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// fakeChain is a chain of blocks that are mined and reorganised by hand, whose
// logs are market events. It answers as a node does, from where its readers last
// saw it, and fails on demand.
type fakeChain struct {
	mu       sync.Mutex
	blocks   []fakeBlock // the canonical ones; the genesis first
	all      map[string]fakeBlock
	finality int64
	forks    int
	left     int64 // the greatest height of a branch that was abandoned
	r        *rand.Rand
	failing  map[string]error // by topic: what reading it answers
	held     map[string]*gate // by topic: a page that was read and is not answered yet
	repeats  map[string]int   // pages of a stream that begin with a block that was read before
	hangs    atomic.Int64
	single   bool // pages are of one block
	padding  int  // additional bytes in each event
	signals  chan struct{}
	statuses []chains.EndpointStatus
	doubtful bool    // breaks of finality are not confirmed
	wrong    []error // in what was asked
	reads    int     // pages that were asked for
	looks    int     // heads and places that were asked for
	found    []markets.Place
	whole    bool // pages are as long as may be, not of random length
}

// errHang is the failure of an endpoint that does not answer.
var errHang = errors.New("no answer")

type fakeBlock struct {
	number       int64
	hash, parent string
	raws         []markets.Raw
}

func newFakeChain(finality int64, r *rand.Rand) *fakeChain {
	genesis := fakeBlock{hash: "0"}
	return &fakeChain{
		blocks: []fakeBlock{genesis}, all: map[string]fakeBlock{genesis.hash: genesis},
		finality: finality, r: r, failing: map[string]error{},
	}
}

// mine appends a block with the events.
func (c *fakeChain) mine(events ...markets.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	parent := c.blocks[len(c.blocks)-1]
	b := fakeBlock{number: parent.number + 1, parent: parent.hash}
	b.hash = fmt.Sprintf("%d-%d", b.number, c.forks)
	for i, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		b.raws = append(b.raws, markets.Raw{
			Position: markets.Position{Height: b.number, Transaction: int32(i), Log: int32(i)},
			Seq:      b.number, Block: b.hash, Transaction: fmt.Sprintf("%s/%d", b.hash, i), Time: timeOf(e),
			Type: e.Stream, JSON: data, Data: make([]byte, c.padding), Address: common.HexToAddress(e.Contract),
		})
	}
	c.blocks = append(c.blocks, b)
	c.all[b.hash] = b
}

// timeOf is when an event happened; events that leave it open happened at once.
func timeOf(e markets.Event) time.Time {
	if e.Time.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return e.Time
}

// fork abandons the newest blocks.
func (c *fakeChain) fork(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reorganise(c.blocks[:max(1, len(c.blocks)-depth)])
}

// reorganise makes other blocks the canonical ones.
func (c *fakeChain) reorganise(blocks []fakeBlock) {
	c.forks++
	c.left = max(c.left, c.blocks[len(c.blocks)-1].number)
	c.blocks = blocks
}

func (c *fakeChain) height() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[len(c.blocks)-1].number
}

// outgrown reports whether the chain is higher than any branch that it has left.
func (c *fakeChain) outgrown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[len(c.blocks)-1].number > c.left
}

func (c *fakeChain) head() markets.Place {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.blocks[len(c.blocks)-1]
	return markets.Place{Seq: b.number, Hash: b.hash}
}

// raws are the canonical chain's raw events of a stream.
func (c *fakeChain) raws(stream string) []markets.Raw {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []markets.Raw
	for _, b := range c.blocks {
		out = append(out, b.of(stream)...)
	}
	return out
}

func (b fakeBlock) of(stream string) []markets.Raw {
	var out []markets.Raw
	for _, raw := range b.raws {
		if raw.Type == stream || raw.Type == everyStream {
			out = append(out, raw)
		}
	}
	return out
}

// fail has reading a stream fail until err is nil.
func (c *fakeChain) fail(stream string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing[stream] = err
}

// hanging is how many reads have not been answered.
func (c *fakeChain) hanging() int64 { return c.hangs.Load() }

// Advance implements chains.Chain.
func (c *fakeChain) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	if err := errors.Join(ctx.Err(), c.failing["head"]); err != nil {
		return nil, err
	}
	top := c.blocks[len(c.blocks)-1]
	final := max(0, top.number-c.finality)
	if known != nil {
		if known.Head.Hash == top.hash {
			return known, nil
		}
		final = max(final, min(known.Final.Seq, top.number))
	}
	var hashes []string
	for _, b := range c.blocks[final:] {
		hashes = append(hashes, b.hash)
	}
	view := chains.NewView(final, hashes)
	if known != nil {
		view.FinalityViolations = known.FinalityViolations
		if known.Final.Seq > top.number || c.blocks[known.Final.Seq].hash != known.Final.Hash {
			if c.doubtful {
				return nil, chains.ErrFinality
			}
			view.FinalityViolations++
		}
	}
	return view, nil
}

// signal notifies listeners of a possible new head.
func (c *fakeChain) signal() { c.signals <- struct{}{} }

// tell has the chain tell how its endpoints are.
func (c *fakeChain) tell(statuses ...chains.EndpointStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses = statuses
}

// Read implements chains.Chain.
func (c *fakeChain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, _ int) (chains.Page, error) {
	page, err := c.page(ctx, view, source.Topics[0], after, through)
	if errors.Is(err, errHang) {
		c.hangs.Add(1)
		<-ctx.Done()
	}
	c.mu.Lock()
	if n := c.repeats[source.Topics[0]]; n > 0 && err == nil && page.To != after && after.Seq > 0 {
		c.repeats[source.Topics[0]]--
		page.Raws = append(c.blocks[after.Seq].of(source.Topics[0]), page.Raws...)
	}
	h := c.held[source.Topics[0]]
	if page.To != after {
		delete(c.held, source.Topics[0])
	} else {
		h = nil
	}
	c.mu.Unlock()
	if h != nil {
		close(h.arrived)
		<-h.open
		close(h.through)
	}
	return page, err
}

// hold holds the next page of a stream between its reading and its answer.
func (c *fakeChain) hold(stream string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := newGate(0)
	if c.held == nil {
		c.held = map[string]*gate{}
	}
	c.held[stream] = h
	return h
}

func (c *fakeChain) page(ctx context.Context, view *chains.View, stream string, after markets.Place, through int64) (chains.Page, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if err := errors.Join(ctx.Err(), c.failing[stream]); err != nil {
		return chains.Page{}, err
	}
	to := view.Head.Seq
	if after.Seq < view.Final.Seq {
		to = view.Final.Seq
	}
	if through >= 0 {
		to = min(to, through)
	}
	if to > after.Seq && !c.whole {
		to = after.Seq + 1 + c.r.Int64N(to-after.Seq)
	}
	if c.single {
		to = min(to, after.Seq+1)
	}
	page := chains.Page{To: after}
	for n := after.Seq + 1; n <= to; n++ {
		b, err := c.block(view, n)
		if err != nil {
			return chains.Page{}, err
		}
		page.Raws = append(page.Raws, b.of(stream)...)
		page.To = markets.Place{Seq: b.number, Hash: b.hash}
	}
	return page, nil
}

// block is the view's block above finality, and the chain's own below it.
func (c *fakeChain) block(view *chains.View, n int64) (fakeBlock, error) {
	hash, ok := view.Hash(n)
	if n > view.Final.Seq && ok {
		if b, known := c.all[hash]; known {
			return b, nil
		}
		return fakeBlock{}, chains.ErrReorganised
	}
	if n >= int64(len(c.blocks)) {
		return fakeBlock{}, chains.ErrAhead
	}
	return c.blocks[n], nil
}

// Ancestor implements chains.Chain.
func (c *fakeChain) Ancestor(ctx context.Context, view *chains.View, trail markets.Trail, final int64) (place markets.Place, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	if err := errors.Join(ctx.Err(), c.failing["ancestor"]); err != nil {
		return markets.Place{}, false, err
	}
	defer func() { err = c.judge(view, trail, final, place, ok, err) }()
	for _, p := range slices.Backward(trail) {
		switch view.Stand(p) {
		case chains.On:
			return p, true, nil
		case chains.Ahead:
			return markets.Place{}, false, chains.ErrAhead
		case chains.Below:
			if p.Seq < int64(len(c.blocks)) && c.blocks[p.Seq].hash == p.Hash {
				return p, true, nil
			}
		}
	}
	return markets.Place{}, false, nil
}

// Heads implements chains.Chain.
func (c *fakeChain) Heads() <-chan struct{} { return c.signals }

// Endpoints implements chains.Chain.
func (c *fakeChain) Endpoints() []chains.EndpointStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statuses
}

// judge reports whether an answer is a break of finality that is not confirmed. What it
// goes by, where the rollback ends, must tell exactly that of the view.
func (c *fakeChain) judge(view *chains.View, trail markets.Trail, final int64, place markets.Place, ok bool, err error) error {
	if err != nil || !ok || final < 0 {
		return err
	}
	was, known := c.all[trail[len(trail)-1].Hash]
	for known && was.number > final {
		was, known = c.all[was.parent]
	}
	broken := known && was.number == final && c.hashAt(view, final) != was.hash
	unread := place.Hash == "" && place.Seq >= final // the stream begins above, and has nothing of that block
	if known && !unread && broken != (place.Seq < final) {
		c.wrong = append(c.wrong, fmt.Errorf("broken %t, but %d was final and the newest place of %v on the chain is %v", broken, final, trail, place))
	}
	if c.doubtful && place.Seq < final {
		return chains.ErrFinality
	}
	if place != trail[len(trail)-1] {
		c.found = append(c.found, place)
	}
	return nil
}

// hashAt returns the hash of the view's block at a height, which may be abandoned; below
// the view, that of the chain's block.
func (c *fakeChain) hashAt(view *chains.View, height int64) string {
	if hash, ok := view.Hash(height); ok {
		return hash
	}
	if height > view.Head.Seq || height >= int64(len(c.blocks)) {
		return ""
	}
	return c.blocks[height].hash
}

// misjudged is what was wrong in what it was asked.
func (c *fakeChain) misjudged() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.wrong...)
}

// doubt has breaks of finality not confirmed, or confirmed.
func (c *fakeChain) doubt(doubtful bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtful = doubtful
}

// readings is how many pages were asked for.
func (c *fakeChain) readings() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// Close implements chains.Chain.
func (c *fakeChain) Close() {}

func (c *fakeChain) repeatsLeft(stream string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.repeats[stream]
}
