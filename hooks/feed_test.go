package hooks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// A hook delivers the commits and retractions of a store, also after a stop. With a position
// of another database it delivers gone.
func TestFeedOfStore(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, to := open(t), newReceiver(t)
			feed, cursors := store.(Store), store.(persistence.HookStore)
			all := &moves{all: map[string]string{}}
			begin := func() *process {
				epoch := hookOf(t, store, "h").Epoch
				p := start(t, cursors, feed, to.hook("h"), quick, all)
				awaitThat(t, "the hook is claimed", func() bool { return hookOf(t, store, "h").Epoch > epoch })
				return p
			}
			await := func(want string) {
				t.Helper()
				var got []string
				awaitThat(t, want+" is received", func() bool {
					events, wrong := to.received()
					if got = nil; len(wrong) > 0 {
						t.Fatal(wrong)
					}
					for _, e := range events {
						var doc struct{ Seq int64 }
						if e.Type == Put {
							if err := json.Unmarshal(e.Document, &doc); err != nil || !strings.HasPrefix(e.ID, "ethereum/seaport/") {
								t.Fatal(e, err)
							}
						}
						got = append(got, fmt.Sprint(e.Type, doc.Seq))
					}
					return strings.Join(got, " ") == want
				})
			}
			commit(t, store, 1) // before the hook begins
			p := begin()
			commit(t, store, 2)
			await("put2")
			p.stop()
			commit(t, store, 3)
			commit(t, store, 4)
			p = begin()
			await("put2 put3 put4")
			truncate(t, store, 3)
			await("put2 put3 put4 retracted0")
			p.stop()
			if all.err != nil {
				t.Error(all.err)
			}
			h := hookOf(t, store, "h")
			ref := persistence.HookRef{Name: "h", Epoch: h.Epoch}
			if err := cursors.MoveHook(t.Context(), persistence.HookMove{Hook: ref, From: h.Position, To: "no position of this feed"}); err != nil {
				t.Fatal(err)
			}
			defer begin().stop()
			await("put2 put3 put4 retracted0 gone0")
			commit(t, store, 5)
			await("put2 put3 put4 retracted0 gone0 put5")
		})
	}
}

var seaport = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}

// commit commits the activity of a block.
func commit(t *testing.T, store persistence.Store, seq int64) {
	t.Helper()
	err := store.Commit(t.Context(), seaport, nil, func(tx persistence.Tx) error {
		return tx.Append([]markets.Activity{{Chain: seaport.Chain, Market: seaport.Market, Event: markets.Event{
			Kind: markets.Listed, Stream: "list", Seq: seq, Position: markets.Position{Height: seq}, Block: "0xb", Transaction: "0xt",
			Time: time.UnixMilli(1700000000000).UTC(), Order: "0x1",
		}}}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, store persistence.Store, after int64) {
	t.Helper()
	err := store.Commit(t.Context(), seaport, nil, func(tx persistence.Tx) error {
		_, _, err := tx.Truncate("list", after, 100)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
