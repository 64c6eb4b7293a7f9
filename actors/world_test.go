package actors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// world is a chain, a store, and the node that brings the one into the other. The
// node can be killed and started again at any moment; the store stays.
type world struct {
	differing []audit.Difference // differing documents, found by the last audit
	t         testing.TB
	r         *rand.Rand
	chain     *fakeChain
	disk      persistence.Store
	*gates                      // before the disk
	flaky     *storetest.Faulty // before the disk, too
	store     persistence.Store // gates, with what a test puts before them
	seen      persistence.Store // as the node sees it
	node      *Node
	old       []*Node // killed, and perhaps not quite dead

	reads    chains.Chain  // chain, with what a test puts before it
	slowness time.Duration // of the store's slowest commits
	patience time.Duration // how long to wait for what must happen
	streams  []string
	logOnly  map[string]bool // streams without documents
	keepRaw  bool            // in activities, so that they can be decoded again
	revived  sync.Map        // events that could not be decoded and now can be
	market   func(s *shared, c Chain, m Market, tuning Tuning, epoch supervision.Epoch) *actor.Props
	raws     func(stream string) []markets.Raw // of the canonical chain
	atHead   func(stream string, p markets.Place) bool
	start    int64
	find     func(stream string) func(context.Context) (markets.Place, error) // instead of start, if set
	abreast  time.Duration
	stuck    time.Duration // 0: never
	outage   time.Duration // 0: never
	poll     time.Duration
	tick     time.Duration
	memory   int64      // 0: as much as there is by default
	orders   int        // how many orders the random events are about
	own      *ownership // set: streams have orders of other markets too
	announce bool       // the streams read the events of contracts that were announced before
	log      *journal   // of the nodes, if a test reads it
	// completer makes what a node completes events with, if they have currencies.
	completer func() func(context.Context, *chains.View, []markets.Event) error
	// definitions say which of the definitions each stream has; nil if they have no meaning.
	definitions map[string]int
}

func newWorld(t testing.TB, seed uint64, finality int64) *world {
	t.Helper()
	return newWorldOn(t, openDisk(t), seed, finality)
}

// newWorldOn is a world on a store, which it closes.
func newWorldOn(t testing.TB, disk persistence.Store, seed uint64, finality int64) *world {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	flaky := storetest.NewFaulty(disk)
	g := &gates{Store: flaky}
	w := &world{
		t: t, r: r, abreast: time.Duration(r.IntN(2)) * time.Millisecond, gates: g, flaky: flaky, patience: patience, slowness: 3 * time.Millisecond, chain: newFakeChain(finality, rand.New(rand.NewPCG(seed, 2))), disk: disk, store: g,
		streams: allStreams, orders: 3,
	}
	w.raws = w.chain.raws
	w.atHead = func(_ string, p markets.Place) bool { return p == w.chain.head() }
	t.Cleanup(func() {
		for _, n := range append(w.old, w.node) {
			if n != nil {
				_ = n.Stop(context.Background())
				w.noneHeld(n)
			}
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
		if err := w.chain.misjudged(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// allStreams are the streams of the world's market.
var allStreams = []string{"list", "buy", "delist", "bulk", "records"}

// refOfWorld is the world's market.
var refOfWorld = persistence.MarketRef{Chain: "chain", Market: "market"}

// observerOf is the name of a stream's observer of documents.
func observerOf(stream string) string {
	if stream == "records" {
		return "records"
	}
	return "order-" + stream
}

func (w *world) streamOf(name string) markets.Stream {
	s := markets.Stream{Name: name, Observer: observerOf(name), Source: markets.Source{Topics: []string{name}}, Notifies: true, Decode: w.decode}
	if w.logOnly[name] {
		s.Observer = ""
	}
	if w.definitions != nil {
		s = withDefinition(s, w.definitions[name])
	}
	if w.own != nil && name != "records" {
		s.Own = &markets.Own{Collections: []string{ownCollection}}
	}
	if w.announce {
		s.Source.Factories = w.pairs()
	}
	if w.keepRaw {
		s.Separable, s.KeepRaw = true, true
	}
	return s
}

// decode reads the market event that a raw event carries. Some cannot be decoded
// until they are revived.
func (w *world) decode(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
	for _, raw := range transaction {
		var e markets.Event
		if err := json.Unmarshal(raw.JSON, &e); err != nil {
			return nil, []markets.Failure{{Raw: raw, Reason: err}}
		}
		if strings.HasPrefix(e.Transaction, "dead") && !w.isRevived(raw.Transaction) {
			failures = append(failures, markets.Failure{Raw: raw, Reason: errors.New("cannot be decoded yet")})
			continue
		}
		if e.Position = raw.Position; e.Kind.Sale() {
			e.Taker = "taker" // who is notified
		}
		events = append(events, e)
	}
	return events, failures
}

func (w *world) isRevived(transaction string) bool {
	_, ok := w.revived.Load(transaction)
	return ok
}

// boot starts a node on the store, in any state that an earlier node has left.
func (w *world) boot() {
	w.t.Helper()
	w.node = w.join(false)
}

// join starts a node that sees the store as a process of its own.
func (w *world) join(placed bool) *Node {
	w.t.Helper()
	w.seen = &storetest.Mortal{Store: w.store, Slowness: w.slowness}
	reads := w.reads
	if reads == nil {
		reads = w.chain
	}
	market := Market{Market: markets.Market{Name: "market"}, Start: func(string) markets.Place { return markets.Place{Seq: w.start} }, Find: w.find}
	if w.completer != nil {
		market.Complete = w.completer()
	}
	for _, s := range w.streams {
		market.Streams = append(market.Streams, w.streamOf(s))
	}
	var out io.Writer = io.Discard
	if os.Getenv("EVENT_WORKER_TEST_LOG") != "" {
		out = os.Stderr
	}
	if w.log != nil {
		out = w.log
	}
	n, err := Start(Config{
		Node: "test", Store: w.seen, Log: slog.New(slog.NewTextHandler(out, nil)).With("test", w.t.Name()),
		Chains:  []Chain{{Name: "chain", Chain: reads, Poll: cmp.Or(w.poll, time.Millisecond), Markets: []Market{market}}},
		Backoff: supervision.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond},
		Tuning:  Tuning{Credit: 2, Ahead: 3, Events: 10, Portion: 1 + w.r.IntN(4), Abreast: w.abreast, Tick: cmp.Or(w.tick, 5*time.Millisecond), Stuck: w.stuck, Outage: w.outage},
		Memory:  w.memory,
		Placed:  placed,
		market:  w.market,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// noneHeld checks that a node that has stopped, or is at rest, holds no pages. It may do
// so a little longer.
func (w *world) noneHeld(n *Node) {
	w.t.Helper()
	for deadline := time.Now().Add(w.patience); !n.budget.Idle(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Error("pages are held for ever")
			return
		}
	}
}

// kill ends the node as a power cut would: nothing of it reaches the store any
// more but what is already on its way there.
func (w *world) kill() {
	if w.node == nil {
		return
	}
	w.seen.(*storetest.Mortal).Kill()
	w.old = append(w.old, w.node)
	go w.node.Stop(context.Background())
	w.node = nil
}

// block mines a block of random events.
func (w *world) block() {
	var events []markets.Event
	for range w.r.IntN(4) {
		events = append(events, w.event())
	}
	w.chain.mine(events...)
}

func (w *world) event() markets.Event {
	r := w.r
	if w.announce && r.IntN(6) == 0 {
		return markets.Event{Stream: everyStream, Kind: markets.ContractCreated, Factory: "pair", Contract: pairOf(r)}
	}
	e := markets.Event{
		Stream:   pick(r, allStreams...),
		Order:    fmt.Sprint("order", r.IntN(w.orders)),
		Maker:    pick(r, "maker", "maker", "other"),
		Quantity: markets.Amount(fmt.Sprint(1 + r.IntN(3))),
		Price:    markets.Amount(fmt.Sprint(1 + r.IntN(1000))),
		Time:     time.Unix(r.Int64N(1000), 0).UTC(),
		Nonce:    pick[markets.Amount](r, "", "1", "2"),
	}
	if r.IntN(8) == 0 {
		e.Transaction = "dead"
	}
	if w.completer != nil {
		w.setCurrencies(&e)
	}
	if w.own != nil && e.Order == "order0" {
		e.Token.Collection = ownCollection
	}
	if w.announce {
		e.Contract = pairOf(r)
	}
	switch e.Stream {
	case "list":
		e.Kind = pick(r, markets.Listed, markets.OfferMade, markets.OrderChanged)
	case "buy":
		e.Kind, e.Partial = pick(r, markets.Bought, markets.Matched), r.IntN(2) == 0
	case "delist":
		e.Kind = markets.Delisted
	case "bulk":
		e.Kind, e.Order = markets.OrdersCancelled, ""
		if r.IntN(3) == 0 {
			e.Nonce, e.Below = "", "2"
		}
	case "records":
		e.Kind = pick(r, markets.Recorded, markets.Recorded, markets.RecordRemoved)
		e.Record = &markets.RecordChange{Type: "gallery", Key: e.Order, Fields: map[string]any{pick(r, "a", "b"): float64(r.IntN(100))}}
		e.Order = ""
	}
	return e
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// contents is all that people read of a market, by key.
type contents struct {
	Orders     map[string]markets.Order
	Records    map[string]markets.Record
	Activities map[string]markets.Activity
	Letters    map[string]string // what was wrong
	Told       map[string]markets.Notification
}

// startOf is where a stream begins: where it was found out, on its worker's document.
func (w *world) startOf(stream string) int64 {
	if w.find == nil {
		return w.start
	}
	return w.actors()["chain/market/"+stream].Seq
}

// want is what the canonical chain makes: the plain fold of its events.
func (w *world) want() contents {
	c := contents{map[string]markets.Order{}, map[string]markets.Record{}, map[string]markets.Activity{}, map[string]string{}, map[string]markets.Notification{}}
	var events []markets.Event
	for _, name := range w.streams {
		s := w.streamOf(name)
		raws := w.raws(s.Source.Topics[0])
		if w.announce {
			raws = ofAnnounced(raws, w.startOf(name))
		}
		es, failures := s.DecodeAll(raws)
		if w.completer != nil {
			w.completeStored(es)
		}
		start := w.startOf(name)
		for _, e := range es {
			if e.Seq > start && w.owns(e) {
				events = append(events, e)
			}
		}
		for _, f := range failures {
			if f.Raw.Seq > start {
				c.Letters[f.Raw.Transaction] = f.Reason.Error()
			}
		}
	}
	slices.SortFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	keys := map[string]bool{}
	records := map[string][]markets.Event{}
	for _, e := range events {
		a := markets.Activity{Chain: "chain", Market: "market", Event: e}
		c.Activities[a.Transaction+" "+a.Stream] = a
		for _, n := range markets.Notifications(a) {
			c.Told[n.ID()] = n
		}
		if e.Order != "" {
			keys[e.Order] = true
		}
		if e.Record != nil {
			records[e.Record.Key] = append(records[e.Record.Key], e)
		}
	}
	for key := range keys {
		var concerned []markets.Event
		for _, e := range events {
			if e.Order == key || e.Kind == markets.OrdersCancelled {
				concerned = append(concerned, e)
			}
		}
		c.Orders[key], _ = markets.FoldOrder("chain", "market", key, concerned)
	}
	for key, es := range records {
		c.Records[key], _ = markets.FoldRecord("chain", "market", es)
	}
	return c
}

// got is what the store holds.
func (w *world) got() contents {
	letters := map[string]string{}
	for _, d := range load(w, persistence.DeadLetters, func(d markets.DeadLetter) string { return d.Transaction }) {
		letters[d.Transaction] = d.Reason
	}
	return contents{
		Orders:     load(w, persistence.Orders, func(o markets.Order) string { return o.Key }),
		Records:    load(w, persistence.Records, func(r markets.Record) string { return r.Key }),
		Activities: load(w, persistence.Activities, func(a markets.Activity) string { return a.Transaction + " " + a.Stream }),
		Letters:    letters,
		Told:       load(w, persistence.Notifications, markets.Notification.ID),
	}
}

// load reads a collection. While a server comes back a reader may be cut off in
// the middle: it reads again.
func load[T any](w *world, collection string, key func(T) string) map[string]T {
	w.t.Helper()
	for deadline := time.Now().Add(w.patience); ; time.Sleep(10 * time.Millisecond) {
		out, err := readAll(w.disk, collection, key)
		if err == nil {
			return out
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
	}
}

func readAll[T any](store persistence.Store, collection string, key func(T) string) (map[string]T, error) {
	out := map[string]T{}
	for doc, err := range store.Query(context.Background(), persistence.Query{Collection: collection}) {
		if err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(doc, &v); err != nil {
			return nil, err
		}
		k := key(v)
		if _, twice := out[k]; twice {
			k += " again"
		}
		out[k] = v
	}
	return out, nil
}

func (w *world) actors() map[string]persistence.Actor {
	return load(w, persistence.Actors, func(a persistence.Actor) string { return a.ID })
}

// eventually waits for something that must happen.
func (w *world) eventually(what string, happened func() bool) {
	w.t.Helper()
	for deadline, looked := time.Now().Add(w.patience), time.Now(); !happened(); looked = rest(looked) {
		if time.Now().After(deadline) {
			w.t.Fatalf("in vain: %s", what)
		}
	}
}

// rest pauses between two looks at the store, of which the last began at some time, and returns
// when it ends. Looks that take long are rarer: they would slow down what they wait for.
func rest(looked time.Time) time.Time {
	time.Sleep(max(2*time.Millisecond, 4*time.Since(looked)))
	return time.Now()
}

// settle waits until every observer is at the head of the chain. It returns what is wrong if
// none of them has moved for a while, or if they fail again and again.
func (w *world) settle() error {
	started := time.Now()
	moved, last := started, ""
	for looked := started; ; looked = rest(looked) {
		behind := w.behind()
		if behind == "" {
			return nil
		}
		if behind != last {
			moved, last = time.Now(), behind
		}
		if time.Since(moved) > w.patience || time.Since(started) > 4*w.patience {
			return fmt.Errorf("at rest, but not at the head %v:\n%s", w.chain.head(), behind)
		}
	}
}

// behind describes the observers that are not at the head, a line each with its subject.
func (w *world) behind() string {
	var out strings.Builder
	actors := w.actors()
	for _, s := range w.streams {
		for _, o := range []string{activity, w.streamOf(s).Observer} {
			id := "chain/market/" + s + "/" + o
			a, ok := actors[id]
			if !ok || !w.atHead(s, a.Place) || a.Pending != nil {
				subject := actors["chain/market/"+s+"/subject"]
				fmt.Fprintf(&out, "%s is at %v, pending %v, incarnation %d, state %s, %s; its subject sees %d, incarnation %d, state %s, %s\n",
					id, a.Place, a.Pending, a.Incarnation, a.Report.Status, a.LastError, subject.Head, subject.Incarnation, subject.Report.Status, subject.LastError)
			}
		}
	}
	return out.String()
}

// check waits for the node to come to rest and compares what it has made with
// the plain fold of the canonical chain.
func (w *world) check() error {
	if err := w.settle(); err != nil {
		return err
	}
	if w.node != nil {
		w.noneHeld(w.node) // all that was read is executed
	}
	got, want := w.got(), w.want()
	return errors.Join(
		differ("order", got.Orders, want.Orders),
		differ("record", got.Records, want.Records),
		differ("activity", got.Activities, want.Activities),
		differ("dead letter", got.Letters, want.Letters),
		differ("notification", got.Told, want.Told),
		w.counts(),
	)
}

// counts checks the numbers on the observers' documents.
func (w *world) counts() error {
	n, dead := map[string]int64{}, map[string]int64{}
	for _, a := range w.want().Activities {
		n[a.Stream]++
	}
	for _, d := range load(w, persistence.DeadLetters, markets.DeadLetter.ID) {
		dead[d.Stream]++
	}
	for _, s := range w.streams {
		for _, o := range []string{activity, w.streamOf(s).Observer} {
			a := w.actors()["chain/market/"+s+"/"+o]
			if a.Events != n[s] {
				return fmt.Errorf("%s counts %d events, want %d", a.ID, a.Events, n[s])
			}
			if o == activity && a.DeadLetters != dead[s] {
				return fmt.Errorf("%s counts %d dead letters, want %d", a.ID, a.DeadLetters, dead[s])
			}
		}
	}
	return nil
}

func (w *world) mustCheck() {
	w.t.Helper()
	if err := w.check(); err != nil {
		w.t.Fatal(err)
	}
}

func differ[T any](kind string, got, want map[string]T) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok {
			errs = append(errs, fmt.Errorf("%s %s is missing", kind, key))
		} else if !reflect.DeepEqual(normal(g), normal(want[key])) {
			errs = append(errs, fmt.Errorf("%s %s is\n%s, want\n%s", kind, key, normal(g), normal(want[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			errs = append(errs, fmt.Errorf("%s %s should not be there", kind, key))
		}
	}
	return errors.Join(errs...)
}

// normal is a document as it is read and compared.
func normal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
