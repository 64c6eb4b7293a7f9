package aptos

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// Whatever the node has pruned, from a ledger version on a handle's events are those of
// the plain list where there is a stream.
func TestPrunedHistoryComesOverTheStream(t *testing.T) {
	l := startLedger(t)
	chain := l.stream(t)
	streamed := 0
	rapid.Check(t, func(t *rapid.T) {
		transaction := rapid.SliceOfN(rapid.SampledFrom([]string{"list", "buy", "list", ""}), 0, 3)
		ledger := append(make([][]string, rapid.IntRange(1, 110).Draw(t, "before")), rapid.SliceOfN(transaction, 1, 20).Draw(t, "ledger")...)
		l.reset(ledger)
		last := int64(len(ledger)) - 1
		pruned := int64(rapid.IntRange(0, len(ledger)).Draw(t, "oldest"))
		start := int64(rapid.IntRange(1, len(ledger)).Draw(t, "start"))
		l.set(func() {
			l.top, l.oldest = last, fmt.Sprint(pruned)
			l.forgetful = rapid.Bool().Draw(t, "forgetful")
			l.maxPage = rapid.SampledFrom([]int{100, 2}).Draw(t, "page")
			l.batch = rapid.SampledFrom([]int{100, 7}).Draw(t, "batch")
			l.cut = rapid.SampledFrom([]int{0, 3}).Draw(t, "cut")
		})
		var want []spot
		for _, at := range plain(ledger, "list") {
			if at.version < pruned {
				l.hidden++
			}
			if at.version >= start {
				want = append(want, at)
			}
		}
		s := source("list")
		place := s.StartAt(start)
		var raws []markets.Raw
		for {
			page, err := chain.Read(context.Background(), chains.NewLedger(last), s, place, -1, rapid.IntRange(1, 4).Draw(t, "limit"))
			if err != nil {
				t.Fatalf("behind %+v: %v", place, err)
			}
			if chaintest.CheckPage(t, page, place, -1); page.To == place {
				break
			}
			raws, place = append(raws, page.Raws...), page.To
			if n := len(raws); n < len(want) && want[n].version <= place.Through {
				t.Fatalf("place %+v passes over the event of version %d", place, want[n].version)
			}
		}
		if len(raws) != len(want) || place.Through != max(last, start-1) {
			t.Fatalf("%d events of %d, to %+v", len(raws), len(want), place)
		}
		for i, raw := range raws {
			if raw.Position != (markets.Position{Height: want[i].version, Log: int32(want[i].index)}) || raw.Transaction != fmt.Sprintf("0x%064x", want[i].version) {
				t.Fatalf("event %+v, want it at %+v", raw, want[i])
			}
		}
		streamed += l.asked["stream"]
	})
	if told := chain.stream.status(); streamed == 0 || told.LastError != "" {
		t.Errorf("%d streams, %+v", streamed, told)
	}
}

// Pages that came by the REST API have no events of handles: history does without them.
func TestHistoryDoesNotBelievePagesOfTheRESTAPI(t *testing.T) {
	l := startLedger(t)
	chain := l.stream(t)
	l.reset([][]string{{}, {}, {"list", ""}, {}})
	l.top, l.refuse = 3, status.Error(codes.Unavailable, "away")
	if raws, _ := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(3), byModule, markets.Place{Seq: -1}, -1, 10); len(raws) != 1 {
		t.Fatalf("%d module events", len(raws))
	}
	l.set(func() { l.refuse, l.oldest, l.hidden = nil, "3", 1 })
	chain.stream.health = streamHealth{}
	s := source("list")
	if raws, to := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(3), s, s.StartAt(1), -1, 10); len(raws) != 1 || to.Through != 3 {
		t.Errorf("%d events to %+v", len(raws), to)
	}
}

// A flow that ends while it is waited for is begun again where it stopped.
func TestAFlowThatEndsIsBegunAgain(t *testing.T) {
	l := startLedger(t)
	chain := l.stream(t)
	l.reset(busy(10))
	l.top = 4
	if _, err := chain.stream.page(t.Context(), 0, 4, true); err != nil {
		t.Fatal(err)
	}
	f := chain.stream.sessions[0]
	got := make(chan error)
	go func() {
		_, err := chain.stream.page(t.Context(), 0, 5, true)
		got <- err
	}()
	for waiting := 0; waiting == 0; runtime.Gosched() {
		f.mu.Lock()
		waiting = f.waiting
		f.mu.Unlock()
	}
	l.set(func() { l.era++ })
	l.set(func() { l.top = 5 })
	if err := <-got; err != nil {
		t.Error(err)
	}
	if n := l.asked["stream"]; n != 2 {
		t.Errorf("%d streams", n)
	}
}
