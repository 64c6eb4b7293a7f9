package factories

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Wherever the log is, whatever was read before, and whatever happens while the log is read:
// a page holds what the plain fold of its branch reads, or there is none yet. There is one
// where the log rests at the place from which it is read.
func TestPagesAreThoseOfTheirBranch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		swaps := markets.Stream{Name: "swap", Source: markets.Source{Factories: pairs}}
		start := func() chains.Chain {
			return NewChain(tree{world: w}, persistence.MarketRef{Chain: "chain", Market: "market"}, swaps, w)
		}
		c := start()
		places := []markets.Place{{}}
		violations := 0
		t.Repeat(map[string]func(*rapid.T){
			"mine":    func(t *rapid.T) { w.t = t; w.mine() },
			"log":     func(t *rapid.T) { w.t = t; w.moveLog() },
			"pending": func(*rapid.T) { w.broken = !w.broken },
			"violate": func(*rapid.T) { violations++ },
			"restart": func(*rapid.T) { c = start() },
			"read": func(t *rapid.T) {
				w.t, w.during = t, nil
				after := rapid.SampledFrom(places).Draw(t, "after")
				if rapid.Bool().Draw(t, "anywhere") {
					after = rapid.SampledFrom(w.blocks).Draw(t, "after").Place
				}
				rests := w.log != nil && w.log.Place == after && !w.broken
				if rapid.IntRange(0, 2).Draw(t, "moves") == 0 {
					w.during, rests = w.moveLog, false
				}
				head := rapid.SampledFrom(w.blocks).Draw(t, "head")
				view := w.view(head, rapid.IntRange(0, violations).Draw(t, "violations"))
				through := rapid.Int64Range(1, 12).Draw(t, "through")
				page, err := c.Read(t.Context(), view, swaps.Source, after, through, 10)
				switch {
				case !head.on(after):
					if !errors.Is(err, chains.ErrReorganised) {
						t.Fatalf("read behind %v off the view's branch: %v", after, err)
					}
					return
				case errors.Is(err, chains.ErrWaits), errors.Is(err, chains.ErrAhead):
					if rests {
						t.Fatalf("the log rests at %v, and yet: %v", after, err)
					}
					return
				case err != nil:
					t.Fatal(err)
				}
				places = append(places, page.To)
				w.checkPage(t, page, after)
			},
		})
	})
}

// checkPage compares a page with the plain fold.
func (w *world) checkPage(t *rapid.T, page chains.Page, after markets.Place) {
	if page.To == after {
		if len(page.Raws) > 0 {
			t.Fatal("events that lead nowhere")
		}
		return
	}
	read, _ := naive(w.find(page.To.Hash))
	read = slices.DeleteFunc(read, func(raw markets.Raw) bool { return raw.Seq <= after.Seq })
	describe := func(raws []markets.Raw) (out []string) {
		for _, raw := range raws {
			out = append(out, fmt.Sprint(raw.Position, raw.Block, raw.Data, raw.Announced))
		}
		return out
	}
	if got, want := describe(page.Raws), describe(read); !slices.Equal(got, want) {
		t.Fatalf("behind %v to %v\n%v, want\n%v", after, page.To, got, want)
	}
}

// Contracts are a set, and what is added to them changes no others.
func TestContracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			Contracts
			want map[markets.Announcement]bool
		}
		versions := []version{{want: map[markets.Announcement]bool{}}}
		for range rapid.IntRange(1, 60).Draw(t, "versions") {
			from := rapid.SampledFrom(versions).Draw(t, "from")
			to := version{want: map[markets.Announcement]bool{}}
			for a := range from.want {
				to.want[a] = true
			}
			var added []markets.Announcement
			for _, n := range rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "added") {
				a := markets.Announcement{Factory: "pair", Address: [20]byte{n}}
				added, to.want[a] = append(added, a), true
			}
			to.Contracts = from.With(added...)
			versions = append(versions, to)
		}
		for _, v := range versions {
			for n := range 256 {
				if a := (markets.Announcement{Factory: "pair", Address: [20]byte{byte(n)}}); v.Has(a) != v.want[a] {
					t.Fatalf("%d: %t, want %t", n, v.Has(a), v.want[a])
				}
			}
			for i := 1; i < len(v.layers); i++ {
				if len(v.layers[i-1]) <= 2*len(v.layers[i]) {
					t.Fatalf("layer %d is too small", i-1)
				}
			}
		}
	})
}
