package backfill

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// ledger is a chain of final blocks, each with one event for every source. It answers ranges
// only in part.
type ledger struct {
	answered func(first, last int64) int64 // the last block of an answer
}

func hashOf(block int64) string { return fmt.Sprintf("0x%064x", block) }

func (l ledger) FetchRange(_ context.Context, _ eth.Interest, first, last int64) (Range, error) {
	r := Range{First: first, Last: l.answered(first, last)}
	r.Hash = hashOf(r.Last)
	for block := first; block <= r.Last; block++ {
		r.Raws = append(r.Raws, markets.Raw{Seq: block, Position: markets.Position{Height: block}, Block: hashOf(block)})
	}
	return r, nil
}

func (ledger) Fetched(context.Context, markets.Raw) {}

func (ledger) FillTimes(context.Context, []markets.Raw) error { return nil }

func (ledger) Headers(_ context.Context, lower, upper int64) (low, high eth.Header, err error) {
	return eth.Header{Number: lower, Hash: hashOf(lower)}, eth.Header{Number: upper, Hash: hashOf(upper)}, nil
}

func (ledger) HeadersBelow(_ context.Context, _ markets.Place, heights []int64) ([]eth.Header, *endpoint.Endpoint, error) {
	var headers []eth.Header
	for _, height := range heights {
		headers = append(headers, eth.Header{Number: height, Hash: hashOf(height)})
	}
	return headers, nil, nil
}

func (ledger) LargestRange(wanted int64) int64 { return wanted }

func (ledger) FinalityInDoubt() bool { return false }

const (
	head   = 100
	budget = 1 << 30 // bytes
)

func open(t interface {
	Context() context.Context
	Fatal(...any)
}, l ledger, keys ...string) *Windows {
	filters := map[string]eth.Filter{}
	for _, key := range keys {
		f, err := eth.NewFilter(markets.Source{})
		if err != nil {
			t.Fatal(err)
		}
		filters[key] = f
	}
	return New(t.Context(), Config{Filters: filters, MaxRange: 20, InFlight: 3, Budget: endpoint.NewBudget(budget)}, l)
}

func view() *chains.View {
	final := markets.Place{Seq: head, Hash: hashOf(head)}
	return &chains.View{Head: final, Final: final}
}

func at(block int64) markets.Place { return markets.Place{Seq: block, Hash: hashOf(block)} }

// checkPage says how a page differs from the ledger's events after a place.
func checkPage(page chains.Page, after markets.Place) error {
	if page.To.Seq <= after.Seq || page.To != at(page.To.Seq) {
		return fmt.Errorf("the page after %d leads to %+v", after.Seq, page.To)
	}
	var seqs, want []int64
	for _, raw := range page.Raws {
		seqs = append(seqs, raw.Seq)
	}
	for block := after.Seq + 1; block <= page.To.Seq; block++ {
		want = append(want, block)
	}
	if !slices.Equal(seqs, want) {
		return fmt.Errorf("the page after %d to %d holds %v", after.Seq, page.To.Seq, seqs)
	}
	return nil
}

// read reads a page up to the head and checks it.
func (b *Windows) read(ctx context.Context, key string, after markets.Place, limit int) (chains.Page, error) {
	page, err := b.Read(ctx, view(), key, after, head, limit)
	if err == nil {
		err = checkPage(page, after)
	}
	return page, err
}

// A source that waits for a window of which an endpoint then answers only blocks that the
// source has read already reads on behind them, and none of them twice.
func TestAWindowThatIsCutShort(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	b := open(t, ledger{answered: func(from, to int64) int64 {
		cut := to
		first.Do(func() {
			close(asked)
			<-release
			cut = from + 4
		})
		return cut
	}}, "behind", "ahead")
	errs := make(chan error)
	read := func(key string, after int64) {
		_, err := b.read(t.Context(), key, at(after), 1000)
		errs <- err
	}
	go read("behind", 0)
	<-asked
	go read("ahead", 6)
	for waiting := false; !waiting; { // until it has its place among the sources
		b.mu.Lock()
		_, waiting = b.positions["ahead"]
		b.mu.Unlock()
	}
	close(release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// Windows that are dropped while being fetched do not leak memory.
func TestDroppedWindowsDoNotLeak(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	b := open(t, ledger{answered: func(_, to int64) int64 {
		select {
		case <-release:
		case asked <- struct{}{}:
			<-release
		}
		return to
	}}, "source")
	errs := make(chan error)
	go func() {
		_, err := b.read(t.Context(), "source", at(0), 1000)
		errs <- err
	}()
	<-asked
	b.Reset()
	close(release)
	if err := <-errs; err != nil {
		t.Error(err)
	}
	b.Reset()
	if most := largestLease(endpoint.NewBudget(budget)); largestLease(b.cfg.Budget) != most {
		t.Errorf("%d of %d bytes can be leased", largestLease(b.cfg.Budget), most)
	}
}

// largestLease is how many bytes a budget leases at most.
func largestLease(b *endpoint.Budget) int64 {
	return int64(sort.Search(budget, func(bytes int) bool {
		lease := b.TryLease(int64(bytes) + 1)
		lease.Release()
		return lease == nil
	}))
}

// Sources that read side by side, from anywhere, each get every event behind their places
// once, however little of a range is answered.
func TestPagesHoldEveryEventOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cuts := rapid.SliceOfN(rapid.Int64Range(1, 20), 1, 50).Draw(r, "blocks answered")
		var mu sync.Mutex
		calls := 0
		b := open(r, ledger{answered: func(from, to int64) int64 {
			mu.Lock()
			defer mu.Unlock()
			calls++
			return min(to, from+cuts[calls%len(cuts)]-1)
		}}, "a", "b", "c")
		starts := map[string]int64{}
		for _, key := range []string{"a", "b", "c"} {
			starts[key] = rapid.Int64Range(0, head-1).Draw(r, key)
		}
		limit := rapid.IntRange(1, 30).Draw(r, "limit")
		errs := make(chan error, len(starts))
		for key, start := range starts {
			go func() {
				var err error
				for after := at(start); err == nil && after.Seq < head; {
					var page chains.Page
					page, err = b.read(r.Context(), key, after, limit)
					after = page.To
				}
				errs <- err
			}()
		}
		for range starts {
			if err := <-errs; err != nil {
				r.Error(err)
			}
		}
	})
}
