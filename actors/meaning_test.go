package actors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

// definitions are what a stream of the world may mean: each changes the streams of the world as
// their definition says them.
var definitions = []func(s *markets.Stream){
	func(*markets.Stream) {},
	redefined("dear", true, func(e *markets.Event) bool { e.Price += "000"; return true }),
	redefined("keys", true, func(e *markets.Event) bool {
		if e.Order != "" {
			e.Order += "'"
		}
		return true
	}),
	redefined("some", false, func(e *markets.Event) bool { return e.Quantity != "1" }),
	func(s *markets.Stream) {
		redefined("records", true, func(e *markets.Event) bool {
			if e.Order != "" {
				e.Kind, e.Record, e.Order = markets.Recorded, &markets.RecordChange{Type: "gallery", Key: e.Order, Fields: map[string]any{"c": 1.0}}, ""
			}
			return true
		})(s)
		s.Observer = "records-" + s.Name
	},
	func(s *markets.Stream) { s.Meaning.Source, s.Source.Topics = "other", []string{"silent"} },
}

// redefined is a definition whose events are those of the first, changed or left out.
func redefined(decoding string, total bool, change func(*markets.Event) bool) func(*markets.Stream) {
	return func(s *markets.Stream) {
		decode := s.Decode
		s.Meaning.Decoding, s.Meaning.Total = decoding, total
		s.Decode = func(transaction []markets.Raw) ([]markets.Event, []markets.Failure) {
			events, failures := decode(transaction)
			var kept []markets.Event
			for _, e := range events {
				if change(&e) {
					kept = append(kept, e)
				}
			}
			return kept, failures
		}
	}
}

// withDefinition gives a stream the meaning of one of the definitions.
func withDefinition(s markets.Stream, n int) markets.Stream {
	s.Meaning = markets.Meaning{Source: "first", Decoding: "first", Total: true}
	s.KeepRaw, s.Separable = s.Name != "delist", s.Name != "list"
	definitions[n](&s)
	return s
}

// However often definitions change while nodes are killed and the chain is reorganised: once
// the log and the documents of the changed streams are made again, they are those of a node
// that has had the last definition from the beginning.
func TestARenewedStoreIsWhatTheLastDefinitionMakes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			w.definitions = map[string]int{}
			among := len(definitions)
			if seed%2 == 0 {
				among = 4 // which the log can be decoded for again
			}
			for range 2 + w.r.IntN(3) {
				if err := w.live(15); err != nil {
					t.Fatal(err)
				}
				w.kill()
				for _, s := range w.streams {
					if w.r.IntN(2) == 0 {
						w.definitions[s] = w.r.IntN(among)
					}
				}
				if w.r.IntN(3) == 0 {
					w.renew()
				}
			}
			w.boot()
			w.block()
			w.kill()
			w.renew()
			w.boot()
			w.outgrow()
			if err := errors.Join(w.check(), w.unchanged()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// renew makes the stopped node's store that of its present definitions; a process that does so
// may die.
func (w *world) renew() {
	w.t.Helper()
	for {
		seen := &storetest.Mortal{Store: w.store}
		if w.r.IntN(2) == 0 {
			seen = &storetest.Mortal{Store: w.store, Commits: w.r.IntN(6)}
		}
		_, err := maintenance.Renew(w.t.Context(), seen, "test", "chain", []markets.Market{w.definedMarket()})
		switch {
		case err == nil:
			return
		case !errors.Is(err, storetest.ErrKilled):
			w.t.Fatal(err)
		}
	}
}

// definedMarket is the market of the present definitions.
func (w *world) definedMarket() markets.Market {
	m := markets.Market{Name: "market", Kind: markets.EVM}
	for _, s := range w.streams {
		m.Streams = append(m.Streams, w.streamOf(s))
	}
	return m
}

// unchanged checks that no stream's definition counts as changed.
func (w *world) unchanged() error {
	for id, a := range w.actors() {
		if a.Meaning != nil && len(a.Meaning.Changed) > 0 {
			return fmt.Errorf("%s: %s is changed", id, strings.Join(a.Meaning.Changed, ", "))
		}
	}
	return nil
}

// Documents that are behind their log when the definition changes become what the log has, and
// not what the new definition makes of the same events: a rollback would not find that.
func TestDocumentsBehindALogOfAnEarlierDefinition(t *testing.T) {
	w := calm(t, "list", "buy")
	w.definitions = map[string]int{}
	w.mine(block(listed("a", "5")))
	w.boot()
	w.mustCheck()
	h := w.gates.hold("chain/market/buy/order-buy")
	w.mine(block(bought("a", "2")))
	<-h.arrived
	w.kill()
	h.release()
	w.definitions["buy"] = 2 // with other keys
	w.boot()
	w.mine(block(bought("a", "1")))
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	got := w.got().Orders
	if len(got) != 2 || got["a"].Filled != "2" || got["a'"].Filled != "1" {
		t.Errorf("orders %+v", got)
	}
	if meaning := w.actors()["chain/market/buy/"+activity].Meaning; meaning == nil || !slices.Equal(meaning.Changed, []string{markets.DecodingAspect}) {
		t.Errorf("meaning %+v", meaning)
	}
	w.kill()
	w.renew()
	w.boot()
	if err := errors.Join(w.check(), w.unchanged()); err != nil {
		t.Error(err)
	}
}

// A process that died while it replaced an observer of documents has left two. Rollbacks
// and renewals include both.
func TestTwoObserversOfDocuments(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{true, false} {
		for _, records := range []bool{true, false} { // which observer is the first of the two
			w := calm(t, "list", "buy")
			w.definitions = map[string]int{}
			next := 4
			if records {
				w.definitions["buy"], next = 4, 0
			}
			w.mine(block(listed("a", "5")))
			w.mine(block(bought("a", "2")))
			w.boot()
			w.mustCheck()
			w.kill()
			before := w.streamOf("buy").Observer
			w.definitions["buy"] = next
			other := w.actors()["chain/market/buy/"+before]
			epoch, err := w.disk.TakeOver(t.Context(), "chain", "test")
			if err != nil {
				t.Fatal(err)
			}
			replacing := worker{
				shared: &shared{Env: &supervision.Env{Store: w.disk}},
				stream: stream{Stream: w.streamOf("buy"), market: persistence.MarketRef{Chain: "chain", Market: "market"}},
			}
			own := replacing.claim("observer", replacing.Observer)
			own.Node, own.Epoch, own.Documents = "test", epoch, true
			if err := replacing.continueFrom(t.Context(), own, other); err != nil {
				t.Fatal(err)
			}
			if renewed {
				w.renew()
			} else if err := maintenance.Rewind(t.Context(), w.disk, "test", "chain", 0); err != nil {
				t.Fatal(err)
			}
			w.boot()
			if err := w.check(); err != nil {
				t.Errorf("renewed %v, records %v: %v", renewed, records, err)
			}
			w.kill()
		}
	}
}

// A log of a version that kept no meanings can be decoded again.
func TestALogWithoutMeaningIsDecodedAgain(t *testing.T) {
	w := calm(t, "list", "buy")
	w.keepRaw = true
	w.mine(block(listed("a", "5")), block(bought("a", "2")))
	w.boot()
	w.mustCheck()
	w.kill()
	w.definitions = map[string]int{}
	decoded, err := maintenance.Redecode(t.Context(), w.disk, "test", markets.EVM, "chain", "market", w.streamOf("buy"), -1)
	if err != nil || decoded != 1 {
		t.Errorf("%d events are decoded: %v", decoded, err)
	}
	w.boot()
	if err := errors.Join(w.check(), w.unchanged()); err != nil {
		t.Error(err)
	}
}

// A log that is decoded again ends where it was, and can be rolled back to the same places; what
// was final still is.
func TestARenewedLogEndsWhereItWas(t *testing.T) {
	w := calm(t, "list", "buy")
	w.definitions = map[string]int{}
	w.mine(block(listed("a", "5")), block(bought("a", "2")), block(), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	w.kill()
	before := w.actors()
	w.definitions["buy"] = 1 // at other prices
	w.renew()
	after := w.actors()
	for _, id := range []string{"chain/market/buy/activity", "chain/market/buy/order-buy"} {
		b, a := before[id], after[id]
		if a.Place != b.Place || !slices.Equal(a.Trail, before["chain/market/buy/activity"].Trail) || a.Finalized != b.Finalized || a.Events != 2 {
			t.Errorf("%s is at %v with %v, %d final, %d events", id, a.Place, a.Trail, a.Finalized, a.Events)
		}
	}
	if price := w.got().Orders["a"].Paid; price != "200000" {
		t.Errorf("paid %s", price)
	}
}
