package facts

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

var testRef = persistence.MarketRef{Chain: "chain", Market: "market"}

// tester is a testing.TB or a rapid.T.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// follower follows a fakeChain as the actors do, one step at a time: each stream has a log and
// documents, which are committed and rolled back by package projection.
type follower struct {
	tester
	fake  *fakeChain
	dir   string
	limit int // of a page

	store  *embedded.Store
	writer *projection.Writer
	chain  *Chain
	actors map[string]*persistence.Actor // the streams' logs, and their documents with a "+"
	logged strings.Builder
}

var otherStreams = []string{"list", "trade"}

func testMarket() Market {
	return Market{Ref: testRef, Streams: otherStreams, Contracts: []string{seaportAt.Hex()}, Known: testCurrencies, Notifies: true}
}

func follow(t tester, dir string, fake *fakeChain) *follower {
	f := &follower{tester: t, fake: fake, dir: dir, limit: 2000}
	f.open()
	return f
}

// test follows a new chain for a test.
func test(t *testing.T) (*follower, *fakeChain) {
	fake := newFakeChain()
	f := follow(t, t.TempDir(), fake)
	t.Cleanup(f.close)
	return f, fake
}

func (f *follower) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *follower) close() { f.must(f.store.Close()) }

// open opens the store, and starts at the places that it has.
func (f *follower) open() {
	ctx := context.Background()
	store, err := embedded.Open(ctx, f.dir)
	f.must(err)
	f.store, f.actors = store, map[string]*persistence.Actor{}
	epoch, err := store.TakeOver(ctx, testRef.Chain, "node")
	f.must(err)
	claim := func(kind, name, stream string, documents bool) *persistence.Actor {
		a, err := store.Claim(ctx, persistence.Claim{
			ID: "chain/market/" + name, Kind: kind, Chain: testRef.Chain, Market: testRef.Market, Stream: stream,
			Documents: documents, Epoch: epoch, Node: "node", Start: markets.Place{Seq: 0},
		})
		f.must(err)
		if len(a.Trail) == 0 {
			a.Trail = markets.Trail{a.Place}
		}
		return &a
	}
	for _, stream := range append([]string{markets.StateStream}, otherStreams...) {
		f.actors[stream] = claim("observer", stream, stream, false)
		f.actors[stream+"+"] = claim("observer", stream+"+", stream, true)
	}
	orders := claim("orders", "orders", "", false)
	f.writer = projection.NewWriter(store, testRef, projection.NewCache(), orders.Ref(), orders.Seq)
	log := slog.New(slog.NewTextHandler(&f.logged, nil))
	f.chain = NewChain(nil, f.fake, testChainID, store, []Market{testMarket()}, log)
}

// restart is what a crash and a start lead to.
func (f *follower) restart() {
	f.close()
	f.open()
}

// commit makes a transition of a stream's log, or of its documents.
func (f *follower) commit(actor string, kind markets.TransitionKind, to markets.Place, b *markets.Batch) {
	f.Helper()
	a := f.actors[actor]
	e := projection.Execute(markets.Transition{
		Kind: kind, Chain: a.Chain, Market: a.Market, Stream: a.Stream, From: a.Place, To: to, Batch: b,
	}, a.Ref(), a.Trail, persistence.Report{})
	if strings.HasSuffix(actor, "+") {
		f.must(f.writer.Commit(context.Background(), e, 1000))
	} else {
		f.must(projection.Log{Notifies: true, Portion: 1000}.Commit(context.Background(), f.store, e))
	}
	a.Place, a.Trail = to, e.Trail
}

// execute takes one of the market's other streams to a block of the chain.
func (f *follower) execute(stream string, height int64) {
	f.Helper()
	from, to := f.actors[stream].Seq, f.fake.at(height)
	if f.fake.at(from).Hash != f.actors[stream].Hash && from > 0 || to.Seq <= from {
		return // it must go back first, or is there
	}
	all := &markets.Batch{}
	for seq := from + 1; seq <= to.Seq; seq++ {
		for _, e := range f.fake.at(seq).events {
			if e.Stream == stream {
				all.Events = append(all.Events, e)
			}
		}
	}
	f.commit(stream, markets.BatchTransition, to.Place, all)
	f.commit(stream+"+", markets.BatchTransition, to.Place, all)
}

// back rolls a stream back to where the chain has branched off: its documents first.
func (f *follower) back(stream string) {
	f.Helper()
	for _, actor := range []string{stream + "+", stream} {
		a := f.actors[actor]
		to := a.Place
		for _, p := range slices.Backward(a.Trail) {
			if p.Hash == "" || p.Seq <= f.fake.head.Seq && f.fake.at(p.Seq).Hash == p.Hash {
				to = p
				break
			}
		}
		if to == a.Place {
			continue
		}
		f.commit(actor, markets.RollbackTransition, to, nil)
	}
}

// read reads facts behind the place of the stream's log, or of its documents.
func (f *follower) read(actor string) (chains.Page, error) {
	f.Helper()
	a := f.actors[actor]
	page, err := f.chain.Read(context.Background(), f.fake.view(), testMarket().Stream().Source, a.Place, -1, f.limit)
	if err == nil {
		f.must(page.Check(a.Place))
	}
	return page, err
}

// accept executes a page of facts, unless it lies on another branch by now.
func (f *follower) accept(actor string, page chains.Page) {
	f.Helper()
	if s := f.fake.view().Stand(page.To); s != chains.On && s != chains.Below {
		return
	}
	f.commit(actor, markets.BatchTransition, page.To, batch.Decode(testRef.Chain, testRef.Market, testMarket().Stream(), page.Raws))
}

// facts reads and executes facts until there are none to read at present, log first.
func (f *follower) facts() {
	f.Helper()
	for range 50 {
		read := false
		for _, actor := range []string{markets.StateStream, markets.StateStream + "+"} {
			page, err := f.read(actor)
			if errors.Is(err, chains.ErrWaits) {
				continue
			}
			f.must(err)
			f.accept(actor, page)
			read = true
		}
		if !read {
			return
		}
	}
	f.Fatal("facts are read for ever")
}

// sync takes all streams to the head.
func (f *follower) sync() {
	f.Helper()
	for _, stream := range append([]string{markets.StateStream}, otherStreams...) {
		f.back(stream)
	}
	for _, stream := range otherStreams {
		f.execute(stream, f.fake.head.Seq)
	}
	f.facts()
	if at := f.actors[markets.StateStream+"+"].Place; at != f.fake.head.Place {
		f.Fatalf("the facts are at %v, not at the head %v", at, f.fake.head.Place)
	}
}

// next mines a block, and takes all streams there.
func (f *follower) next(do ...func(*fakeBlock)) {
	f.Helper()
	f.fake.mine(do...)
	f.sync()
}

func collect[T any](f *follower, collection string) []T {
	f.Helper()
	all, err := persistence.Collect[T](context.Background(), f.store, persistence.Query{Collection: collection})
	f.must(err)
	return all
}

// doc is the document of an order; without a key if there is none.
func (f *follower) doc(o *madeOrder) markets.Order {
	f.Helper()
	for _, doc := range collect[markets.Order](f, persistence.Orders) {
		if doc.Key == o.key() {
			return doc
		}
	}
	return markets.Order{}
}

// is says what a document says of an order: "LISTING yes", "LISTING no owner".
func (f *follower) is(o *madeOrder) string {
	f.Helper()
	doc := f.doc(o)
	text := string(doc.Status)
	if fillable := doc.Fillable; fillable != nil {
		text += " " + string(fillable.Answer)
		for _, r := range fillable.Reasons {
			text += " " + string(r)
		}
	}
	return text
}

func (f *follower) expect(o *madeOrder, want string) {
	f.Helper()
	if got := f.is(o); got != want {
		f.Errorf("block %d: the order is %q, want %q", f.fake.head.Seq, got, want)
	}
}

// questions is how many orders were asked about since the last time.
func (f *follower) questions() (n int) {
	for _, call := range f.fake.asked {
		if common4(call.Data) == 0x46423aa7 {
			n++
		}
	}
	f.fake.asked = nil
	return n
}

func common4(data []byte) uint32 {
	return uint32(data[0])<<24 | uint32(data[1])<<16 | uint32(data[2])<<8 | uint32(data[3])
}

// insert hands signed orders in.
func (f *follower) insert(orders ...persistence.SignedOrder) {
	f.Helper()
	for i := range orders {
		orders[i].Chain, orders[i].Market = testRef.Chain, testRef.Market
	}
	_, err := f.store.InsertSigned(context.Background(), orders)
	f.must(err)
}

// answers are those of the signed orders, each "accepted" or "rejected: reason".
func (f *follower) answers() (all []string) {
	f.Helper()
	for _, o := range collect[persistence.SignedOrder](f, persistence.SignedOrders) {
		text := o.State
		if o.Reason != "" {
			text += ": " + o.Reason
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}
