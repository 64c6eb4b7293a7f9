package explain_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

var checks = flag.Int("checks", 0, "how many random histories each store is tried with; 0 is the usual number")

// onBothStores runs a test on a new store of each kind. Histories are few, because each
// takes dozens of commits and hundreds of queries.
func onBothStores(t *testing.T, test func(t *testing.T, store persistence.Store)) {
	onTheEmbeddedStore(t, test)
	t.Run("MongoDB", func(t *testing.T) {
		store, err := mongo.Open(t.Context(), mongotest.Database(t))
		on(t, store, err, 4, test)
	})
}

// onTheEmbeddedStore runs a test that does not depend on the store.
func onTheEmbeddedStore(t *testing.T, test func(t *testing.T, store persistence.Store)) {
	t.Run("Embedded", func(t *testing.T) {
		store, err := embedded.Open(t.Context(), t.TempDir())
		on(t, store, err, 15, test)
	})
}

func on(t *testing.T, store persistence.Store, err error, histories int, test func(t *testing.T, store persistence.Store)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := flag.Set("rapid.checks", fmt.Sprint(cmp.Or(*checks, thorough.Count(max(1, histories/5), histories)))); err != nil {
		t.Fatal(err)
	}
	test(t, store)
}

// failer is a test or one of rapid's.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

var streams = []string{"list", "buy", "cancel", "bulk", markets.StateStream}

// world follows a market with the commits of the actors. Each world of a store has its own
// chain.
type world struct {
	failer
	ref       persistence.MarketRef
	store     *storetest.Faulty
	epoch     int64
	all       []markets.Event // of the chain, by position
	log, docs map[string]persistence.Actor
	writer    *projection.Writer
}

var worlds int

func newWorld(t failer, store persistence.Store, all []markets.Event) *world {
	worlds++
	w := &world{
		failer: t, ref: persistence.MarketRef{Chain: fmt.Sprint("chain", worlds), Market: "market"}, store: storetest.NewFaulty(store),
		all: all, log: map[string]persistence.Actor{}, docs: map[string]persistence.Actor{},
	}
	var err error
	w.epoch, err = store.TakeOver(context.Background(), w.ref.Chain, "node")
	w.must(err)
	w.claim("head", "head", "", "", false)
	for _, stream := range streams {
		w.log[stream] = w.claim(w.ref.Market+"/"+stream+"/activity", "observer", w.ref.Market, stream, false)
		w.docs[stream] = w.claimDocuments(stream)
	}
	w.claimOrders()
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) claim(id, kind, market, stream string, documents bool) persistence.Actor {
	w.Helper()
	a, err := w.store.Claim(context.Background(), persistence.Claim{
		ID: w.ref.Chain + "/" + id, Kind: kind, Chain: w.ref.Chain, Market: market, Stream: stream, Epoch: w.epoch, Documents: documents,
	})
	w.must(err)
	return a
}

func (w *world) claimDocuments(stream string) persistence.Actor {
	w.Helper()
	return w.claim(w.ref.Market+"/"+stream+"/order-"+stream, "observer", w.ref.Market, stream, true)
}

func (w *world) claimOrders() {
	w.Helper()
	orders := w.claim(w.ref.Market+"/orders", "orders", w.ref.Market, "", false)
	w.writer = projection.NewWriter(w.store, w.ref, projection.NewCache(), orders.Ref(), orders.Seq)
}

// read appends a stream's events up to a seq to the log.
func (w *world) read(stream string, to int64) {
	w.Helper()
	a := w.log[stream]
	var batch markets.Batch
	for _, e := range w.all {
		if e.Stream == stream && e.Seq > a.Seq && e.Seq <= to {
			batch.Events = append(batch.Events, e)
		}
	}
	if to > a.Seq {
		w.commitLog(stream, w.transition(markets.BatchTransition, stream, a.Place, to, &batch))
	}
}

func (w *world) commitLog(stream string, t markets.Transition) {
	w.Helper()
	a := w.log[stream]
	e := projection.Execute(t, a.Ref(), a.Trail, persistence.Report{})
	w.must(projection.Log{Portion: 3}.Commit(context.Background(), w.store, e))
	a.Place, a.Trail = e.To, e.Trail
	w.log[stream] = a
}

func (w *world) transition(kind markets.TransitionKind, stream string, from markets.Place, to int64, batch *markets.Batch) markets.Transition {
	return markets.Transition{
		Kind: kind, Chain: w.ref.Chain, Market: w.ref.Market, Stream: stream,
		From: from, To: markets.Place{Seq: to, Hash: fmt.Sprint("0x", to)}, Batch: batch,
	}
}

// fold moves a stream's documents forward to a seq, at most to the end of the log, or back.
// If commits is not negative, the transition is interrupted after that many commits of one
// document each.
func (w *world) fold(stream string, to int64, commits int) {
	w.Helper()
	a := w.docs[stream]
	if t, interrupted := projection.Interrupted(a); interrupted {
		w.commitDocuments(stream, t, -1)
		a = w.docs[stream]
	}
	switch to = min(to, w.log[stream].Seq); {
	case to > a.Seq:
		w.commitDocuments(stream, w.transition(markets.ResumeTransition, stream, a.Place, to, nil), commits)
	case to < a.Seq:
		w.commitDocuments(stream, w.transition(markets.RollbackTransition, stream, a.Place, to, nil), commits)
	}
}

func (w *world) commitDocuments(stream string, t markets.Transition, commits int) {
	w.Helper()
	a := w.docs[stream]
	if commits >= 0 {
		w.store.OnCommit(func([]persistence.Move) storetest.Fault {
			if commits--; commits < 0 {
				return storetest.FailBefore
			}
			return storetest.Pass
		})
	}
	e := projection.Execute(t, a.Ref(), a.Trail, persistence.Report{})
	err := w.writer.Commit(context.Background(), e, 1)
	w.store.OnCommit(nil)
	if err != nil {
		if !errors.Is(err, storetest.ErrInjected) {
			w.Fatal(err)
		}
		w.docs[stream] = w.claimDocuments(stream)
		w.claimOrders()
		return
	}
	a.Place, a.Trail, a.Pending = e.To, e.Trail, nil
	w.docs[stream] = a
}

// forget rolls a stream's log back to where its documents are.
func (w *world) forget(stream string) {
	w.Helper()
	a, to := w.log[stream], w.docs[stream].Place
	if w.docs[stream].Pending == nil && to.Seq < a.Seq {
		w.commitLog(stream, w.transition(markets.RollbackTransition, stream, a.Place, to.Seq, nil))
	}
}

// executed returns the events that concern an order: those up to the places of the
// documents, and those of the log after them.
func (w *world) executed(key string) (done, waiting []markets.Event) {
	own := map[string]bool{}
	for _, e := range w.all {
		if e.Order == key && e.Seq <= w.log[e.Stream].Seq {
			own["maker:"+e.Maker] = true
			own["nonce:"+string(e.Nonce)] = true
		}
	}
	for _, e := range w.all {
		cancels := e.Kind == markets.OrdersCancelled && own["maker:"+e.Maker] && (e.Nonce == "" || own["nonce:"+string(e.Nonce)])
		switch {
		case e.Order != key && !cancels, e.Seq > w.log[e.Stream].Seq:
		case e.Seq <= w.docs[e.Stream].Seq:
			done = append(done, e)
		default:
			waiting = append(waiting, e)
		}
	}
	return done, waiting
}

// drawHistory draws random events of a chain, by position: of few orders, makers and
// nonces, so that they interact.
func drawHistory(t *rapid.T) []markets.Event {
	height := int64(1)
	var all []markets.Event
	for i := range rapid.IntRange(1, 14).Draw(t, "events") {
		height += int64(rapid.IntRange(0, 2).Draw(t, "blocks"))
		all = append(all, drawEvent(t, height, int32(i)))
	}
	return all
}

func drawEvent(t *rapid.T, height int64, log int32) markets.Event {
	e := markets.Event{
		Stream: pick(t, streams...), Seq: height, Position: markets.Position{Height: height, Log: log},
		Block: fmt.Sprintf("0xb%d", height), Transaction: fmt.Sprintf("0x%d", log), Time: time.Unix(1e9+height, 0).UTC(),
		Order: pick(t, "0xa", "0xa", "0xb"), Maker: pick(t, "maker", "maker", "other"), Contract: pick(t, "", "", "1.5"),
		Quantity: pick[markets.Amount](t, "1", "2"), Price: "10", Nonce: pick[markets.Amount](t, "", "1", "2"),
		Token: markets.Token{Collection: "0xC", ID: pick(t, "1", "2")}, Currency: markets.Currency{Address: "0x0", Symbol: "ETH", Decimals: 18},
	}
	switch e.Stream {
	case "list":
		e.Kind = pick(t, markets.Listed, markets.Listed, markets.OfferMade, markets.OrderChanged)
		e.Quantity, e.Fixed, e.Side = pick(t, "", e.Quantity.Plus("2")), rapid.Bool().Draw(t, "fixed"), e.Kind.Side()
		e.ExpiresAt = pick(t, nil, new(e.Time.Add(time.Hour)))
		if e.Fixed {
			e.Parameters = &markets.Parameters{Offerer: e.Maker, Offer: []markets.OfferedItem{}, Consideration: []markets.ConsideredItem{}, StartTime: "0", EndTime: "1", Salt: "0"}
			e.Fees = pick(t, nil, []markets.Payment{}, []markets.Payment{{Receiver: "0xF", Money: markets.Money{Amount: "1"}}})
		}
	case "buy":
		e.Kind = pick(t, markets.Bought, markets.Matched, markets.OfferAccepted)
		e.Partial, e.Maker, e.Taker = rapid.Bool().Draw(t, "partial"), pick(t, "", e.Maker), pick(t, "ann", "bob")
	case "cancel":
		e.Kind = pick(t, markets.Delisted, markets.OfferCancelled, markets.OfferRejected)
	case "bulk":
		e.Kind, e.Order, e.Side = markets.OrdersCancelled, "", pick(t, "", "", markets.Ask)
		if e.Below = pick[markets.Amount](t, "", "", "2"); e.Below.Known() {
			e.Nonce = ""
		}
	case markets.StateStream:
		e.Kind, e.Maker, e.Quantity, e.Price, e.Nonce, e.Fact = markets.OrderChecked, "", "", "", "", drawFact(t, height)
	}
	return e
}

func drawFact(t *rapid.T, height int64) *markets.Fact {
	var f markets.Fact
	if rapid.IntRange(0, 3).Draw(t, "state") > 0 {
		f.State = &markets.ContractState{Cancelled: rapid.Bool().Draw(t, "cancelled"), Filled: pick[markets.Amount](t, "0", "1", "2"), Size: pick[markets.Amount](t, "0", "2")}
		if rapid.Bool().Draw(t, "later") {
			f.State.Height = height + int64(rapid.IntRange(0, 4).Draw(t, "height"))
		}
	}
	if rapid.Bool().Draw(t, "fillable") {
		f.Fillable = &markets.Fillability{Answer: markets.No, Reasons: []markets.Reason{pick(t, markets.NotOwner, markets.CounterRisen)}}
	}
	return &f
}

func pick[T any](t *rapid.T, from ...T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(t, "choice")]
}

func ids(w *world, events []markets.Event) (out []string) {
	for _, e := range events {
		out = append(out, markets.Activity{Chain: w.ref.Chain, Market: w.ref.Market, Event: e}.ID())
	}
	return slices.Clip(out)
}
