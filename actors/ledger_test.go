package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// fakeLedger is a chain as Aptos is: streams are event handles with numbers of
// their own, and a place says through which version a handle is known.
type fakeLedger struct {
	mu      sync.Mutex
	version int64
	handles map[string][]markets.Raw
	failing error
}

// write appends a transaction with the events.
func (c *fakeLedger) write(events ...markets.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	if c.handles == nil {
		c.handles = map[string][]markets.Raw{}
	}
	for i, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		c.handles[e.Stream] = append(c.handles[e.Stream], markets.Raw{
			Position: markets.Position{Height: c.version, Log: int32(i)}, Seq: int64(len(c.handles[e.Stream])),
			Transaction: fmt.Sprintf("%d/%d", c.version, i), Time: timeOf(e), Type: e.Stream, JSON: data,
		})
	}
}

func (c *fakeLedger) raws(stream string) []markets.Raw {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handles[stream]
}

func (c *fakeLedger) atHead(stream string, p markets.Place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.Seq == int64(len(c.handles[stream]))-1 && p.Through == c.version
}

// Advance implements chains.Chain.
func (c *fakeLedger) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(ctx.Err(), c.failing); err != nil {
		return nil, err
	}
	if known != nil && known.Head.Seq == c.version {
		return known, nil
	}
	return chains.NewLedger(c.version), nil
}

// Read implements chains.Chain, with pages of three events.
func (c *fakeLedger) Read(ctx context.Context, _ *chains.View, source markets.Source, after markets.Place, through int64, _ int) (chains.Page, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(ctx.Err(), c.failing); err != nil {
		return chains.Page{}, err
	}
	const limit = 3
	rest := c.handles[source.Topics[0]][after.Seq+1:]
	if through >= 0 {
		rest = rest[:max(0, min(int64(len(rest)), through-after.Seq))]
	}
	page := chains.Page{To: after, Raws: rest[:min(len(rest), limit)]}
	if n := len(page.Raws); n > 0 {
		page.To.Seq = page.Raws[n-1].Seq
		page.To.Through = max(after.Through, page.Raws[n-1].Position.Height-1)
	}
	if len(page.Raws) < limit && through < 0 {
		page.To.Through = c.version
	}
	return page, nil
}

// Ancestor implements chains.Chain.
func (c *fakeLedger) Ancestor(_ context.Context, _ *chains.View, trail markets.Trail, _ int64) (markets.Place, bool, error) {
	return trail[len(trail)-1], true, nil
}

// Heads implements chains.Chain.
func (c *fakeLedger) Heads() <-chan struct{} { return nil }

// Endpoints implements chains.Chain.
func (c *fakeLedger) Endpoints() []chains.EndpointStatus { return nil }

// Close implements chains.Chain.
func (c *fakeLedger) Close() {}

// Several events of several handles in one transaction, handles that end in the
// middle of one, handles that stay silent: progress without events is progress.
func TestHandlesAreFollowedToTheEndOfTheLedger(t *testing.T) {
	t.Parallel()
	history := func(t *testing.T, seed uint64) {
		w := newWorld(t, seed, 0)
		ledger := &fakeLedger{}
		w.reads, w.raws, w.atHead = ledger, ledger.raws, ledger.atHead
		w.start = -1
		write := func() {
			var events []markets.Event
			for range w.r.IntN(5) {
				events = append(events, w.event())
			}
			ledger.write(events...)
		}
		write()
		w.boot()
		for range 60 {
			switch w.r.IntN(10) {
			case 0:
				w.kill()
				w.boot()
			case 1, 2:
				w.hurt()
			case 3:
				w.pause()
			default:
				write()
			}
		}
		w.mustCheck()
		w.kill()
	}
	for seed := range uint64(min(10, histories())) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			history(t, seed)
		})
	}
}

// The log knows its handle to the end of a ledger that rests, and the documents do
// not: there is nothing left to read that would tell them.
func TestDocumentsLearnOfSilenceFromTheLog(t *testing.T) {
	w := calm(t, "list")
	ledger := &fakeLedger{}
	w.reads, w.raws, w.atHead = ledger, ledger.raws, ledger.atHead
	w.start = -1
	ledger.write(listed("a", "1"))
	w.boot()
	w.mustCheck()
	w.kill()
	ledger.write()
	h := w.gates.hold("chain/market/list/order-list")
	w.boot()
	<-h.arrived // the log is through
	w.kill()
	w.boot()
	w.eventually("the next incarnation", func() bool { return w.actors()["chain/market/list/order-list"].Incarnation == 3 })
	h.release() // and is fenced
	w.mustCheck()
}
