package aptos

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// Of two endpoints one is sound. The other lags behind, has smaller pages, has pruned
// its history, fails, or makes events up: what is read is the plain list all the same,
// no place says that a handle holds nothing more where it does, and there is no error.
func TestOneSoundEndpointIsEnough(t *testing.T) {
	sound, other := startLedger(t), startLedger(t)
	chain, err := New(Config{
		Endpoints: []chains.Endpoint{{URL: sound.url}, {URL: other.url}}, ChainID: 7,
		Sources: []markets.Source{byModule, byBoth}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	used := 0
	rapid.Check(t, func(t *rapid.T) {
		transaction := rapid.SliceOfN(rapid.SampledFrom([]string{"list", "buy", ""}), 0, 3)
		events := rapid.SliceOfN(transaction, 1, 30).Draw(t, "ledger")
		last := int64(len(events)) - 1
		for _, l := range []*ledger{sound, other} {
			l.reset(events)
			l.set(func() { l.top, l.maxPage = last, rapid.SampledFrom([]int{100, 7, 1}).Draw(t, "page") })
		}
		chain.transactions.Purge()
		chain.pages.Purge()
		chain.handles = map[string]*handleState{}
		other.set(func() {
			switch rapid.SampledFrom([]string{"lags", "is pruned", "fails", "is odd", "lacks", "hides"}).Draw(t, "the other") {
			case "lags":
				other.top = int64(rapid.IntRange(0, int(last)).Draw(t, "top"))
			case "is pruned":
				other.hidden, other.oldest = int64(rapid.IntRange(0, 9).Draw(t, "hidden")), "5"
			case "fails":
				n := 0
				other.lie = func(_ string, body []byte) (int, []byte) {
					if n++; n%2 == 0 {
						return http.StatusBadGateway, nil
					}
					return http.StatusOK, body
				}
			case "is odd":
				other.lie = func(path string, body []byte) (int, []byte) {
					if !strings.Contains(path, "/events/") {
						return http.StatusOK, body
					}
					return http.StatusOK, []byte(strings.ReplaceAll(string(body), `"sequence_number":"1"`, `"sequence_number":"2"`))
				}
			case "lacks":
				other.lie = func(path string, body []byte) (int, []byte) {
					return answering(path, body, "transactions", http.StatusNotFound)
				}
			case "hides":
				other.lie = func(path string, body []byte) (int, []byte) {
					if strings.Contains(path, "transactions") {
						return http.StatusOK, []byte("[]")
					}
					return http.StatusOK, body
				}
			}
		})
		view := chains.NewLedger(last)
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		for _, field := range fields {
			place := markets.Place{Seq: -1}
			var raws []markets.Raw
			for place.Through < last {
				page, err := chain.Read(context.Background(), view, source(field), place, -1, limit)
				if err != nil {
					t.Fatalf("%s behind %+v: %v", field, place, err)
				}
				if chaintest.CheckPage(t, page, place, -1); page.To == place && last > 0 && other.top == last {
					t.Fatalf("%s stands at %+v", field, place)
				}
				raws, place = append(raws, page.Raws...), page.To
				for seq, at := range plain(events, field) {
					if at.version <= place.Through && place.Through > 0 && int64(seq) > place.Seq {
						t.Fatalf("place %+v passes over event %d of version %d", place, seq, at.version)
					}
				}
			}
			if last > 0 {
				checkRaws(t, raws, plain(events, field))
			}
		}
		raws, _ := chaintest.Drain(context.Background(), t, chain, view, byModule, markets.Place{Seq: -1}, -1, 3)
		if want := byType(events, byModule, 0, last); len(raws) != len(want) {
			t.Fatalf("%d module events, want %d", len(raws), len(want))
		}
		used += len(other.asked)
	})
	if used == 0 {
		t.Error("the other endpoint was never asked")
	}
}
