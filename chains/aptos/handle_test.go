package aptos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
)

// dense is a ledger of transactions with a number of events each.
func dense(transactions, events int) [][]string {
	return append([][]string{{}}, slices.Repeat([][]string{slices.Repeat([]string{"list"}, events)}, transactions)...)
}

// A handle with a long history is read by several pages at once, whatever the node's
// page size: eight requests wait for each other here.
func TestSeveralPagesAtOnce(t *testing.T) {
	thorough.Only(t)
	for _, size := range []int{100, 25} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			l := startLedger(t)
			l.reset(dense(100, 50))
			l.top, l.maxPage = 100, size
			var mu sync.Mutex
			waiting, most := 0, 0
			together := make(chan struct{})
			l.gate = func(r *http.Request) {
				if !strings.Contains(r.URL.Path, "/events/") {
					return
				}
				mu.Lock()
				if waiting++; waiting > most {
					most = waiting
				}
				if most == maxPagesAhead && waiting == maxPagesAhead {
					close(together)
				}
				mu.Unlock()
				select {
				case <-together:
				case <-time.After(20 * time.Millisecond): // while there are fewer
				}
				mu.Lock()
				waiting--
				mu.Unlock()
			}
			place := markets.Place{Seq: -1}
			view := chains.NewLedger(100)
			events, reads := 0, 0
			for place.Through < 100 {
				page, err := l.chain.Read(t.Context(), view, source("list"), place, -1, 2000)
				if err != nil {
					t.Fatal(err)
				}
				chaintest.CheckPage(t, page, place, -1)
				events, place, reads = events+len(page.Raws), page.To, reads+1
				if most == maxPagesAhead {
					l.gate = nil
				}
			}
			if events != 5000 || most != maxPagesAhead {
				t.Errorf("%d events by %d pages at once", events, most)
			}
			if want := 5000/(size*maxPagesAhead) + 8; reads > want {
				t.Errorf("%d reads, %d are enough", reads, want)
			}
		})
	}
}

// Of a page of which the node refuses a transaction what comes before is handed on.
func TestWhatWasAnsweredIsKept(t *testing.T) {
	l := startLedger(t)
	sparse := make([][]string, 0, 1000)
	for range 20 {
		sparse = append(append(sparse, make([][]string, 30)...), []string{"list", "list"})
	}
	l.reset(sparse)
	l.top = int64(len(sparse)) - 1
	l.lie = func(path string, body []byte) (int, []byte) {
		if _, version, ok := strings.Cut(path, "by_version/"); ok && parsed(version) == 8*31-1 {
			return http.StatusBadRequest, []byte(`{}`)
		}
		return http.StatusOK, body
	}
	place := markets.Place{Seq: -1}
	page, err := l.chain.Read(t.Context(), chains.NewLedger(l.top), source("list"), place, -1, 1000)
	if err != nil || len(page.Raws) != 14 || page.To != (markets.Place{Seq: 13, Through: 8*31 - 2}) {
		t.Errorf("%d events to %+v, %v", len(page.Raws), page.To, err)
	}
	if _, err := l.chain.Read(t.Context(), chains.NewLedger(l.top), source("list"), page.To, -1, 1000); chains.Class(err) != "http_4xx" {
		t.Errorf("error %v", err)
	}
}

func TestAHandleThatDoesNotExistYet(t *testing.T) {
	for _, dated := range []bool{true, false} {
		l := startLedger(t)
		l.reset([][]string{{}, {}, {}, {"list"}})
		l.top, l.missing = 2, true
		l.undated = !dated
		place := markets.Place{Seq: -1}
		page, err := l.chain.Read(t.Context(), chains.NewLedger(2), source("list"), place, -1, 10)
		if err != nil || page.To != (markets.Place{Seq: -1, Through: 2}) {
			t.Fatalf("to %+v, %v", page.To, err)
		}
		l.top, l.missing = 3, false
		raws, to := chaintest.Drain(t.Context(), t, l.chain, chains.NewLedger(3), source("list"), page.To, -1, 10)
		if len(raws) != 1 || to != (markets.Place{Seq: 0, Through: 3}) {
			t.Errorf("%d events to %+v", len(raws), to)
		}
		l.set(func() { l.missing = true })
		if _, err := l.chain.Read(t.Context(), chains.NewLedger(3), source("list"), to, -1, 10); err == nil {
			t.Error("a handle that was read is gone, without an error")
		}
	}
}

// A handle whose resource is there is not missing, whatever one answer says.
func TestAHandleThatIsSaidNotToExist(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, {}, {"list"}, {}})
	l.top = 3
	lies := true
	l.lie = func(path string, body []byte) (int, []byte) {
		if lies && strings.Contains(path, "/events/") {
			return http.StatusNotFound, []byte(`{"message":"Resource not found by Address(0xabc)","error_code":"resource_not_found"}`)
		}
		return http.StatusOK, body
	}
	page, err := l.chain.Read(t.Context(), chains.NewLedger(3), source("list"), markets.Place{Seq: -1}, -1, 10)
	if err == nil {
		t.Fatalf("it was believed: %+v", page.To)
	}
	l.set(func() { lies = false })
	if raws, _ := chaintest.Drain(t.Context(), t, l.chain, chains.NewLedger(3), source("list"), markets.Place{Seq: -1}, -1, 10); len(raws) != 1 {
		t.Errorf("%d events", len(raws))
	}
}

// A pruned handle says which event is the first that can be had, and of which version.
func TestAPrunedHandle(t *testing.T) {
	l := startLedger(t)
	l.reset(dense(100, 3))
	l.top, l.hidden = 100, 151
	for range 2 {
		_, err := l.chain.Read(t.Context(), chains.NewLedger(100), source("list"), markets.Place{Seq: -1}, -1, 10)
		if !errors.Is(err, chains.ErrPruned) || !strings.Contains(err.Error(), "number 151 of ledger version 51: configure an endpoint with the whole history, or set the market's start to 51") {
			t.Errorf("error %v", err)
		}
	}
	if n := l.asked[account+"::market::Store"]; n > 20 {
		t.Errorf("%d requests", n)
	}
}

// A node that answers "no events" for those it has pruned contradicts the counter.
func TestAnEmptyPageAgainstTheCounter(t *testing.T) {
	l := startLedger(t)
	l.reset(dense(10, 1))
	l.top = 10
	l.lie = func(path string, body []byte) (int, []byte) {
		if strings.Contains(path, "/events/") {
			return http.StatusOK, []byte("[]")
		}
		return http.StatusOK, body
	}
	page, err := l.chain.Read(t.Context(), chains.NewLedger(10), source("list"), markets.Place{Seq: -1}, -1, 10)
	if !errors.Is(err, chains.ErrPruned) || !strings.Contains(err.Error(), "has logged 10") {
		t.Errorf("to %+v, %v", page.To, err)
	}
}

// From a ledger version on a handle's events are those of the plain list, whatever is
// pruned below it; above it the error says so.
func TestStartAtALedgerVersion(t *testing.T) {
	l := startLedger(t)
	rapid.Check(t, func(t *rapid.T) {
		ledger := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(fields), 0, 3), 1, 15).Draw(t, "ledger")
		l.reset(ledger)
		l.top = int64(len(ledger)) - 1
		spots := plain(ledger, "list")
		start := int64(rapid.IntRange(1, len(ledger)).Draw(t, "start"))
		l.forgetful = rapid.Bool().Draw(t, "forgetful")
		l.hidden = int64(rapid.IntRange(0, max(len(spots)-1, 0)).Draw(t, "hidden"))
		for l.hidden > 0 && spots[l.hidden].version == spots[l.hidden-1].version {
			l.hidden-- // a transaction's events are pruned together
		}
		if l.hidden > 0 {
			l.oldest = fmt.Sprint(spots[l.hidden-1].version + 1)
		}
		s := source("list")
		place := s.StartAt(start)
		var want []spot
		first := int64(0)
		for i, at := range spots {
			if at.version >= start {
				want = append(want, at)
			} else {
				first = int64(i) + 1
			}
		}
		view := chains.NewLedger(l.top)
		var raws []markets.Raw
		for {
			page, err := l.chain.Read(context.Background(), view, s, place, -1, 2)
			if l.hidden > first {
				if !errors.Is(err, chains.ErrPruned) {
					t.Fatalf("%d events are hidden, the first wanted is %d: %+v, %v", l.hidden, first, page.To, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if page.To == place {
				break
			}
			raws, place = append(raws, page.Raws...), page.To
		}
		if len(raws) != len(want) || place.Through != max(l.top, start-1) {
			t.Fatalf("%d events of %d, to %+v", len(raws), len(want), place)
		}
		for i, raw := range raws {
			if raw.Position.Height != want[i].version {
				t.Fatalf("event %d is of version %d, want %d", i, raw.Position.Height, want[i].version)
			}
		}
	})
}
