package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// everyStream is the stream of events that all streams read: announcements.
const everyStream = "*"

// pairOf is one of few contracts, some of which are never announced.
func pairOf(r *rand.Rand) string { return fmt.Sprintf("0x%040d", r.IntN(6)) }

// pairs are the factories of a stream whose contracts are announced.
func (w *world) pairs() *markets.Factories {
	return &markets.Factories{
		Names: []string{"pair"},
		Reads: func(raw *markets.Raw) bool { return raw.Type == everyStream || len(raw.Announced) > 0 },
		Announces: func(raw *markets.Raw) (all []markets.Announcement) {
			events, _ := w.decode([]markets.Raw{*raw})
			for _, e := range events {
				if e.Kind == markets.ContractCreated {
					all = append(all, e.Announcement())
				}
			}
			return all
		},
	}
}

// ofAnnounced are those of a chain's raw events behind a height that a stream reads.
func ofAnnounced(raws []markets.Raw, after int64) (out []markets.Raw) {
	announced := map[[20]byte]bool{}
	for _, raw := range raws {
		var e markets.Event
		if err := json.Unmarshal(raw.JSON, &e); err != nil {
			panic(err)
		}
		if raw.Seq <= after {
			continue
		}
		if e.Kind == markets.ContractCreated {
			announced[raw.Address] = true
		}
		if announced[raw.Address] {
			out = append(out, raw)
		}
	}
	return out
}

// Despite reorganisations and failures, the log and the documents are those of the events
// whose contracts were announced earlier on the canonical chain.
func TestTheEventsOfAnnouncedContractsAreExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			w.announce = true
			if err := errors.Join(w.live(80), w.check()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The same on a chain whose owners change, and remember what they owned.
func TestAnnouncedContractsMoveWithTheirChain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			w.announce = true
			if err := errors.Join(w.moveAbout(60), w.check()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// An announcement that could not be decoded is not retried, as the events of its contract were
// left out. They are read again from before it.
func TestAnAnnouncementIsReadAgainAndNotRetried(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.announce, w.streams = true, []string{"buy"}
	w.boot()
	pair := pairOf(w.r)
	w.chain.mine(markets.Event{Stream: everyStream, Kind: markets.ContractCreated, Factory: "pair", Contract: pair, Transaction: "dead"})
	w.chain.mine(markets.Event{Stream: "buy", Kind: markets.Bought, Order: "order1", Contract: pair})
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.kill()
	got := w.got()
	if len(got.Activities) > 0 || len(got.Letters) != 1 {
		t.Fatalf("before it can be decoded: %v", got)
	}
	for _, letter := range load(w, persistence.DeadLetters, markets.DeadLetter.ID) {
		w.revived.Store(letter.Transaction, true)
		if err := maintenance.Retry(t.Context(), w.store, "test", markets.EVM, w.streamOf("buy"), letter); !errors.Is(err, maintenance.ErrAnnounces) {
			t.Errorf("retried: %v", err)
		}
	}
	w.rewind(0)
	w.boot()
	w.mustCheck()
	if n := len(w.got().Activities); n != 2 {
		t.Errorf("%d activities", n)
	}
}
