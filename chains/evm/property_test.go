package evm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// follower reads one source as an observer does: it goes back to the ancestor
// whenever there is a new view.
type follower struct {
	source markets.Source
	trail  markets.Trail
	raws   []markets.Raw
}

func (f *follower) place() markets.Place { return f.trail[len(f.trail)-1] }

// rollBack goes back to the newest place on the view's branch. It reports false if
// the view has not come that far.
func (f *follower) rollBack(t *testing.T, chain *Chain, view *chains.View) bool {
	t.Helper()
	place, ok, err := chain.Ancestor(t.Context(), view, f.trail, -1)
	if errors.Is(err, chains.ErrAhead) {
		return false
	}
	if err != nil || !ok {
		t.Fatalf("ancestor of %+v: %v, %v", f.trail, ok, err)
	}
	f.trail = f.trail.Cut(place)
	for n := len(f.raws); n > 0 && f.raws[n-1].Seq > place.Seq; n-- {
		f.raws = f.raws[:n-1]
	}
	return true
}

// read reads one page. It reports whether there was anything to read.
func (f *follower) read(t *testing.T, chain *Chain, view *chains.View, limit int) bool {
	t.Helper()
	before := f.place()
	page, err := chain.Read(t.Context(), view, f.source, before, -1, limit)
	if errors.Is(err, chains.ErrReorganised) || errors.Is(err, chains.ErrAhead) {
		return false // the next view will tell
	}
	if err != nil {
		t.Fatal(err)
	}
	chaintest.CheckPage(t, page, before, -1)
	if page.To == before {
		return false
	}
	f.trail = f.trail.Push(page.To)
	f.raws = append(f.raws, page.Raws...)
	return true
}

// However the chain grows and is reorganised, deeper than finality too, and
// whenever it is looked at: what was read along the views is what the node itself
// says of the canonical chain.
func TestReadAlongTheViewsIsTheCanonicalChain(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			g := startGeth(t)
			p := startProxy(t, g.url)
			p.change(withoutFinality) // so that finality is near, and broken at times
			chain := open(t, p.url, func(cfg *Config) {
				cfg.Confirmations, cfg.MaxRange, cfg.ConfirmViolations = 6, 8, -1
			})
			followers := make([]*follower, len(sources))
			for i, source := range sources {
				followers[i] = &follower{source: source, trail: markets.Trail{{Seq: -1}}}
			}
			height, view := int64(0), (*chains.View)(nil)
			for range 50 {
				switch random.IntN(8) {
				case 0:
					height = max(height-1-random.Int64N(10), 0)
					g.fork(height)
					fallthrough
				case 1, 2, 3:
					for range 1 + random.IntN(5) {
						g.mine(emissions(random)...)
						height++
					}
				case 4: // before the view tells of what happened
					for _, f := range followers {
						if view != nil {
							f.read(t, chain, view, 1+random.IntN(12))
						}
					}
				default:
					view = look(t, chain, view, followers, random)
				}
			}
			for range 12 { // above all that was seen
				g.mine(emissions(random)...)
			}
			settle(t, chain, view, followers, random)
			for _, f := range followers {
				compare(t, f, g.logs(f.source, 0))
			}
		})
	}
}

func withoutFinality(_ string, params json.RawMessage, answer map[string]json.RawMessage) {
	if strings.Contains(string(params), "finalized") {
		answer["result"] = json.RawMessage("null")
		delete(answer, "error")
	}
}

func emissions(random *rand.Rand) []emission {
	emissions := make([]emission, max(0, random.IntN(6)-1))
	for i := range emissions {
		emissions[i] = emission{random.IntN(len(contracts)), random.IntN(len(topics)), make([]byte, 33*random.IntN(2)), random.Int64N(3)}
	}
	return emissions
}

// look advances, and lets some of the followers read a little.
func look(t *testing.T, chain *Chain, known *chains.View, followers []*follower, random *rand.Rand) *chains.View {
	t.Helper()
	view, err := chain.Advance(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range followers {
		if random.IntN(3) > 0 && f.rollBack(t, chain, view) {
			for range random.IntN(3) {
				f.read(t, chain, view, 1+random.IntN(12))
			}
		}
	}
	return view
}

// settle advances and reads until every follower is at the head.
func settle(t *testing.T, chain *Chain, known *chains.View, followers []*follower, random *rand.Rand) {
	t.Helper()
	view, err := chain.Advance(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range followers {
		if !f.rollBack(t, chain, view) {
			t.Fatalf("head %d is below %+v", view.Head.Seq, f.place())
		}
		for f.read(t, chain, view, 1+random.IntN(12)) {
		}
		if f.place() != view.Head {
			t.Fatalf("stopped at %+v, head at %+v", f.place(), view.Head)
		}
	}
}

// compare compares what was read with go-ethereum's own client.
func compare(t *testing.T, f *follower, want []types.Log) {
	t.Helper()
	for i := range max(len(f.raws), len(want)) {
		if i >= len(f.raws) || i >= len(want) {
			t.Fatalf("%d logs read of %d", len(f.raws), len(want))
		}
		if got := asLog(f.raws[i]); !sameLog(got, want[i]) {
			t.Fatalf("log %d\nread %+v\nwant %+v", i, got, want[i])
		}
	}
}

func asLog(raw markets.Raw) types.Log {
	log := types.Log{
		Topics: []common.Hash{}, Address: raw.Address, Data: raw.Data,
		BlockNumber: uint64(raw.Seq), BlockHash: common.HexToHash(raw.Block), BlockTimestamp: uint64(raw.Time.Unix()),
		TxHash: common.HexToHash(raw.Transaction), TxIndex: uint(raw.Position.Transaction), Index: uint(raw.Position.Log),
	}
	for _, topic := range raw.Topics {
		log.Topics = append(log.Topics, topic)
	}
	return log
}

func sameLog(a, b types.Log) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y) && a.BlockTimestamp == b.BlockTimestamp
}
