package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// trades is the stream of a market in which ann lists an order in each odd version, and bob buys
// it in the next one.
var trades = markets.Stream{
	Name: "s", Notifies: true, Source: markets.Source{Types: []string{"0x1::m::E"}},
	Decode: func(transaction []markets.Raw) (events []markets.Event, _ []markets.Failure) {
		for _, raw := range transaction {
			e := markets.Event{Kind: markets.Listed, Order: fmt.Sprint("o", (raw.Position.Height+1)/2), Maker: "ann", Price: "5", Position: raw.Position}
			if raw.Position.Height%2 == 0 {
				e.Kind, e.Taker = markets.Bought, "bob"
			}
			events = append(events, e)
		}
		return events, nil
	},
}

// shop is that market in a store, written as the actors write it: what a stream's log observer
// has read comes first, and what its document observer has folded follows. Its stream of facts
// tells the owner of a token, in each version, of the offer o1.
type shop struct {
	testing.TB
	store   persistence.Store
	ref     persistence.MarketRef
	actors  map[string]*persistence.Actor // observers, by their IDs
	log     []markets.Activity
	faulty  map[int64]bool // versions that cannot be decoded when they are read
	leftOut map[int64]bool // versions that the log leaves out
}

func newShop(t testing.TB, store persistence.Store, chain string) *shop {
	t.Helper()
	s := &shop{
		TB: t, store: store, ref: persistence.MarketRef{Chain: chain, Market: "m"},
		actors: map[string]*persistence.Actor{}, faulty: map[int64]bool{}, leftOut: map[int64]bool{},
	}
	epoch, err := store.TakeOver(t.Context(), chain, "node")
	s.must(err)
	for _, stream := range []string{trades.Name, markets.StateStream} {
		for _, documents := range []bool{false, true} {
			id := s.id(stream, documents)
			a, err := store.Claim(t.Context(), persistence.Claim{ID: id, Kind: "observer", Chain: chain, Market: "m", Stream: stream, Epoch: epoch, Documents: documents})
			s.must(err)
			s.actors[id] = &a
		}
	}
	return s
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shop) id(stream string, documents bool) string {
	return s.ref.Chain + "/m/" + stream + map[bool]string{false: "/activity", true: "/order"}[documents]
}

// move takes an observer to a version, in one transaction with what do writes.
func (s *shop) move(stream string, documents bool, to int64, do func(persistence.Tx) error) {
	s.Helper()
	a := s.actors[s.id(stream, documents)]
	place := markets.Place{Seq: to, Through: to}
	m := persistence.Move{Actor: a.Ref(), From: a.Place, To: place, Trail: markets.Trail{{}, place}, Report: persistence.Report{Finalized: to}}
	s.must(s.store.Commit(s.Context(), s.ref, []persistence.Move{m}, do))
	a.Place = place
}

// batch is what a stream has in a version.
func (s *shop) batch(stream string, version int64) *markets.Batch {
	s.Helper()
	if stream == markets.StateStream {
		return &markets.Batch{Events: []markets.Event{{
			Kind: markets.OrderChecked, Stream: stream, Seq: version, Position: markets.Position{Height: version, Log: 9}, Transaction: "t",
			Time: time.Unix(version, 0).UTC(), Order: "o1", Maker: "ann", Fact: &markets.Fact{Owner: "carl"},
		}}}
	}
	page, err := new(versions).Read(s.Context(), nil, markets.Source{}, markets.Place{Seq: version - 1}, -1, 1)
	s.must(err)
	if s.faulty[version] {
		page.Raws[0].Fault = errors.New("it cannot be decoded yet")
	}
	return batch.Decode(s.ref.Chain, s.ref.Market, trades, page.Raws)
}

// read has a stream's log observer read up to a version.
func (s *shop) read(stream string, to int64) {
	s.Helper()
	var log []markets.Activity
	var letters []markets.DeadLetter
	for version := s.actors[s.id(stream, false)].Seq + 1; version <= to; version++ {
		if s.leftOut[version] {
			continue
		}
		b := s.batch(stream, version)
		letters = append(letters, b.DeadLetters...)
		for _, e := range b.Events {
			log = append(log, markets.Activity{Chain: s.ref.Chain, Market: s.ref.Market, Event: e})
		}
	}
	s.log = append(s.log, log...)
	s.move(stream, false, to, func(tx persistence.Tx) error { return enter(tx, log, letters) })
}

// enter appends to the log, and tells people of it.
func enter(tx persistence.Tx, log []markets.Activity, letters []markets.DeadLetter) error {
	var told []markets.Notification
	for _, a := range log {
		told = append(told, markets.Notifications(a)...)
	}
	return cmp.Or(tx.Append(log, letters), tx.Notify(told))
}

// fold has a stream's document observer fold what was read up to a version, or go back to it.
func (s *shop) fold(stream string, to int64) {
	s.Helper()
	from := s.actors[s.id(stream, true)].Seq
	s.move(stream, true, to, func(tx persistence.Tx) error {
		return s.refold(tx, stream, min(from, to), max(from, to), to)
	})
}

// refold writes the orders of which a stream has events after a version and through another one,
// as they are once the stream is executed up to a version.
func (s *shop) refold(tx persistence.Tx, stream string, after, through, executed int64) error {
	var failed error
	for _, changed := range s.log {
		if changed.Stream != stream || changed.Seq <= after || changed.Seq > through {
			continue
		}
		var events []markets.Event
		for _, a := range s.log {
			at := s.actors[s.id(a.Stream, true)].Seq
			if a.Stream == stream {
				at = executed
			}
			if a.Order == changed.Order && a.Seq <= at {
				events = append(events, a.Event)
			}
		}
		slices.SortFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
		if o, made := markets.FoldOrder(s.ref.Chain, s.ref.Market, changed.Order, events); made {
			failed = cmp.Or(failed, tx.PutOrders([]markets.Order{o}))
		} else {
			failed = cmp.Or(failed, tx.DeleteOrders([]string{changed.Order}))
		}
	}
	return failed
}

// rewind takes a stream's documents and then its log back to a version.
func (s *shop) rewind(stream string, to int64) {
	s.Helper()
	s.fold(stream, to)
	s.log = slices.DeleteFunc(s.log, func(a markets.Activity) bool { return a.Stream == stream && a.Seq > to })
	s.move(stream, false, to, func(tx persistence.Tx) error {
		_, _, err := tx.Truncate(stream, to, math.MaxInt32)
		return err
	})
}

// retry decodes the dead letter of a version, and folds its events, in one transaction.
func (s *shop) retry(version int64) {
	s.Helper()
	dead := s.batch(trades.Name, version).DeadLetters
	s.faulty[version] = false
	a := markets.Activity{Chain: s.ref.Chain, Market: s.ref.Market, Event: s.batch(trades.Name, version).Events[0]}
	s.log = append(s.log, a)
	s.must(s.store.Commit(s.Context(), s.ref, nil, func(tx persistence.Tx) error {
		_, err := tx.RemoveDeadLetter(dead[0].ID())
		return cmp.Or(err, enter(tx, []markets.Activity{a}, nil), s.refold(tx, trades.Name, version-1, version, s.actors[s.id(trades.Name, true)].Seq))
	}))
}

// write writes to the documents what no actor writes.
func (s *shop) write(do func(persistence.Tx) error) {
	s.Helper()
	s.must(s.store.Commit(s.Context(), s.ref, nil, do))
}

// config is an audit of the shop.
func (s *shop) config(source *versions) Config {
	source.last = 100
	return Config{Chain: s.ref.Chain, Source: source, Markets: []markets.Market{{Name: "m", Kind: markets.Aptos, Streams: []markets.Stream{trades}}}, Pause: time.Microsecond}
}

// audit audits the shop by data that may be wrapped.
func (s *shop) audit(docs persistence.Querier) (Report, []Difference) {
	s.Helper()
	var found []Difference
	cfg := s.config(new(versions))
	cfg.Docs, cfg.Found = docs, func(d Difference) { found = append(found, d) }
	report, err := Run(s.Context(), cfg)
	s.must(err)
	return report, found
}

// meanwhile is data to which somebody does something just before a query.
type meanwhile struct {
	persistence.Querier
	mu      sync.Mutex
	queries []persistence.Query
	do      func(nth int, q persistence.Query) // nth counts from 1
}

func (m *meanwhile) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries = append(m.queries, q)
	if m.do != nil {
		m.do(len(m.queries), q)
	}
	return m.Querier.Query(ctx, q)
}
