package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/imart/event-worker/markets"
)

// everyStream is the stream of events that all streams read: announcements.
const everyStream = "*"

// pairOf is one of few contracts, some of which are never announced.
func pairOf(r *rand.Rand) string { return fmt.Sprintf("0x%040d", r.IntN(6)) }

// factoriesOf are those of a stream whose contracts are announced.
func factoriesOf(stream string) *markets.Factories {
	return &markets.Factories{
		Market: "market", Stream: stream, Names: []string{"pair"},
		Reads: func(raw *markets.Raw) bool { return raw.Type == everyStream || len(raw.Announced) > 0 },
		Announces: func(raw *markets.Raw) []markets.Announcement {
			if raw.Type != everyStream {
				return nil
			}
			return []markets.Announcement{{Factory: "pair", Address: raw.Address}}
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

// Whatever the chain does, and whatever fails in the meantime: the log and the documents are
// those of the events whose contracts were announced before on the canonical chain.
func TestTheEventsOfAnnouncedContractsAreExact(t *testing.T) {
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
