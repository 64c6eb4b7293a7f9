package facts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport/signature"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/worker"
)

const chain = "anvil"

// running is a worker that follows a World.
type running struct {
	t     testing.TB
	world *seaporttest.World
	*worker.Worker
	market   string
	config   config.Config
	data     *data
	handedIn int // of the world's orders
	deaths   int
}

// store is all of a store that a worker uses.
type store interface {
	persistence.Store
	persistence.SignedOrderStore
	persistence.RequestQueue
}

// data is a store that dies at a commit, as if its process were killed: from then on nothing
// is written.
type data struct {
	open func(context.Context) (store, error)
	left atomic.Int64 // commits until then; negative: it lives
	dead atomic.Bool
}

func (d *data) String() string { return "test" }

func (d *data) Open(ctx context.Context) (persistence.Store, error) {
	s, err := d.open(ctx)
	d.left.Store(-1)
	d.dead.Store(false)
	return &mortal{s, d}, err
}

// in keeps data in a new folder.
func in(t testing.TB) *data {
	folder := t.TempDir()
	return &data{open: func(ctx context.Context) (store, error) { return embedded.Open(ctx, folder) }}
}

type mortal struct {
	store
	*data
}

var errDead = errors.New("the process was killed")

func (m *mortal) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if m.left.Load() >= 0 && m.left.Add(-1) < 0 {
		m.dead.Store(true)
	}
	if m.dead.Load() {
		return errDead
	}
	return m.store.Commit(ctx, market, moves, do)
}

func (m *mortal) Claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	if m.dead.Load() {
		return persistence.Actor{}, errDead
	}
	return m.store.Claim(ctx, claim)
}

// follow starts a worker that follows a World's Seaport.
func follow(t testing.TB, w *seaporttest.World, d *data) *running {
	t.Helper()
	return followAt(t, w, d, w.URL(), "")
}

// followAt is follow by an endpoint, with options of the market.
func followAt(t testing.TB, w *seaporttest.World, d *data, endpoint, options string) *running {
	t.Helper()
	return followMarket(t, w, d, endpoint, "seaport", fmt.Sprintf("{start: 0, contracts: {seaport: %q}%s}", w.Seaport, options))
}

// followMarket starts a worker that follows a market by an endpoint.
func followMarket(t testing.TB, w *seaporttest.World, d *data, endpoint, market, options string) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "event-worker.yaml")
	text := fmt.Sprintf(`
chains:
  %s:
    kind: evm
    chainId: %d
    endpoints: [%s]
    poll: 20ms
    confirmations: 64
    markets:
      %s: %s
monitor: {listen: "127.0.0.1:0"}
`, chain, seaporttest.ChainID, endpoint, market, options)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, world: w, market: market, config: cfg, data: d}
	r.start()
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) start() {
	r.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	started, err := worker.Open(r.t.Context(), worker.Options{Config: r.config, Data: r.data, Log: log})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Worker = started
	if err := started.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// dieIn kills the worker after a number of commits.
func (r *running) dieIn(commits int64) { r.data.left.Store(commits) }

// restart starts the worker again if it has died.
func (r *running) restart() {
	r.t.Helper()
	if r.data.dead.Load() {
		r.deaths++
		_ = r.Stop(context.Background())
		r.start()
	}
}

// handIn hands the orders in that were signed since the last time.
func (r *running) handIn() {
	r.t.Helper()
	var signed []persistence.SignedOrder
	for _, made := range r.world.Orders[r.handedIn:] {
		if len(made.Signature) == 0 || made.Kind == seaporttest.Counter {
			continue
		}
		text, err := json.Marshal(made)
		if err != nil {
			r.t.Fatal(err)
		}
		order := persistence.SignedOrder{Chain: chain, Market: r.market}
		if err := json.Unmarshal(text, &order); err != nil {
			r.t.Fatal(err)
		}
		signed = append(signed, order)
	}
	r.handedIn = len(r.world.Orders)
	if _, err := r.Store().(persistence.SignedOrderStore).InsertSigned(r.t.Context(), signed); err != nil {
		r.t.Fatal(err)
	}
}

// refused are the reasons for which signed orders were refused, by their hash.
func (r *running) refused() map[string]string {
	r.t.Helper()
	found, err := persistence.Collect[persistence.SignedOrder](r.t.Context(), r.Store(), persistence.Query{Collection: persistence.SignedOrders})
	if err != nil {
		r.t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, o := range found {
		parsed, err := signature.Parse([]byte(fmt.Sprintf(`{"parameters": %s, "signature": %q}`, o.Parameters, o.Signature)))
		if err != nil {
			r.t.Fatal(err)
		}
		switch o.State {
		case persistence.SignedAccepted:
		case persistence.SignedRejected:
			reasons[parsed.Hash().Hex()] = o.Reason
		default:
			r.t.Errorf("%s was not answered", parsed.Hash())
		}
	}
	return reasons
}

// settle waits until the facts of the head are in the documents and no order is left that was
// never asked about.
func (r *running) settle() {
	r.t.Helper()
	r.settleStream(markets.StateStream, r.world.Head())
}

// settleStream waits until a stream's documents are at a block.
func (r *running) settleStream(stream string, head seaporttest.Block) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		r.restart()
		if r.isAt(stream, head) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the stream %s has not come to block %d: %s", stream, head.Number, r.actors())
		}
	}
}

func (r *running) actors() (all string) {
	for doc, err := range r.Store().Query(r.t.Context(), persistence.Query{Collection: persistence.Actors}) {
		if err != nil {
			r.t.Fatal(err)
		}
		var a persistence.Actor
		_ = json.Unmarshal(doc, &a)
		all += fmt.Sprintf("\n%s %d %s %s %s", a.ID, a.Place.Seq, a.Hash, a.Status, a.LastError)
	}
	return all
}

func (r *running) isAt(stream string, head seaporttest.Block) bool {
	r.t.Helper()
	found, err := persistence.Collect[persistence.Actor](r.t.Context(), r.Store(), persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: persistence.Equals("stream", stream)},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	observers := 0
	for _, a := range found {
		if a.Kind == "observer" && a.Hash == head.Hash.Hex() {
			observers++
		}
	}
	return observers == 2
}

func (r *running) orders() map[string]markets.Order {
	r.t.Helper()
	found, err := persistence.Collect[markets.Order](r.t.Context(), r.Store(), persistence.Query{Collection: persistence.Orders})
	if err != nil {
		r.t.Fatal(err)
	}
	byHash := map[string]markets.Order{}
	for _, o := range found {
		hash, _, _ := strings.Cut(o.Key, "@")
		byHash[hash] = o
	}
	return byHash
}

// compare compares all documents with what the contract and a stranger's call say at the head.
func (r *running) compare() (open, fillable int) {
	r.t.Helper()
	block := r.world.Head()
	head := block.Hash
	docs, refused := r.orders(), r.refused()
	reasons := map[string]int{}
	for _, made := range r.world.Orders {
		doc, ok := docs[made.Hash.Hex()]
		if !ok {
			if reason := refused[made.Hash.Hex()]; reason == "" && len(made.Signature) > 0 && made.Kind != seaporttest.Counter {
				r.t.Errorf("%s %s has no document", made.Kind, made.Hash)
			} else {
				reasons[reason]++
			}
			continue
		}
		r.compareStatus(made, doc)
		if !doc.Status.Alive() {
			continue
		}
		open++
		err := r.canFill(made, head)
		switch {
		case doc.Fillable == nil:
			r.t.Errorf("%s %s: nobody was asked whether it is fillable: %+v", made.Kind, made.Hash, doc)
		case !inTime(doc, int64(block.Time)) && err == nil:
			r.t.Errorf("%s %s is fillable at %d: its times are wrong: %s", made.Kind, made.Hash, block.Time, asJSON(doc))
		case !inTime(doc, int64(block.Time)):
		case doc.Fillable.Answer == markets.Yes && err != nil:
			r.t.Errorf("%s %s is said to be fillable, but: %v\n%s", made.Kind, made.Hash, err, asJSON(doc))
		case doc.Fillable.Answer == markets.No && err == nil:
			r.t.Errorf("%s %s is said to be not fillable (%v), but is\n%s", made.Kind, made.Hash, doc.Fillable.Reasons, asJSON(doc))
		case doc.Fillable.Answer == markets.Yes:
			fillable++
		case doc.Fillable.Answer == markets.Unknown && doc.Parameters != nil:
			r.t.Errorf("%s %s: whether it is fillable is unknown: %s", made.Kind, made.Hash, asJSON(doc))
		}
	}
	r.t.Logf("refused: %v", reasons)
	return open, fillable
}

// canFill lets a stranger fill what remains of an order or, of a bid for several tokens of a
// collection, one of them.
func (r *running) canFill(made *seaporttest.Order, block common.Hash) error {
	if len(made.Parameters.Consideration) > 0 && made.Parameters.Consideration[0].ItemType == 4 {
		return r.world.CanFill(made, block)
	}
	return r.world.CanFillUnits(made, made.Units, block)
}

func (r *running) compareStatus(made *seaporttest.Order, doc markets.Order) {
	r.t.Helper()
	head := r.world.Head().Hash
	said := r.world.GetOrderStatus(made.Hash, head)
	counter := r.world.GetCounter(made.Parameters.Offerer, head).String()
	want := markets.Listing
	switch {
	case said.Size.Sign() > 0 && said.Filled.Cmp(said.Size) == 0:
		want = markets.Sold
	case said.Cancelled, counter != made.Parameters.Counter:
		want = markets.Canceled
	}
	if doc.Status != want {
		r.t.Errorf("%s %s is %s, want %s: the contract says %+v\n%s", made.Kind, made.Hash, doc.Status, want, said, asJSON(doc))
	}
	if doc.Open && !doc.Status.Alive() {
		r.t.Errorf("%s %s: the contract was not asked what became of it: %s", made.Kind, made.Hash, asJSON(doc))
	}
	if s := doc.State; s == nil && doc.Status.Alive() || s != nil && (string(s.Filled) != said.Filled.String() || string(s.Size) != said.Size.String() || s.Cancelled != said.Cancelled || s.Validated != said.Validated) {
		r.t.Errorf("%s %s: the document says %+v, the contract %+v", made.Kind, made.Hash, s, said)
	}
}

// inTime says whether an order has started and not ended at a time.
func inTime(o markets.Order, now int64) bool {
	return (o.StartsAt == nil || o.StartsAt.Unix() <= now) && (o.ExpiresAt == nil || now < o.ExpiresAt.Unix())
}

func asJSON(v any) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

// A real Seaport and random trades: the documents say what the contract says, and a stranger
// can fill what they say is fillable and nothing else.
func TestDocumentsSayWhatTheContractSays(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			live(t, seed, in(t))
		})
	}
}

func TestDocumentsInMongoDBSayWhatTheContractSays(t *testing.T) {
	thorough.Only(t)
	uri := mongotest.Database(t)
	live(t, 0, &data{open: func(ctx context.Context) (store, error) { return mongo.Open(ctx, uri) }})
}

// live compares documents in the course of a random history, in which the worker is killed,
// most of the times, after some commits.
func live(t *testing.T, seed uint64, d *data) {
	w := seaporttest.Start(t)
	r := follow(t, w, d)
	rng := rand.New(rand.NewPCG(seed, 0))
	open, fillable := 0, 0
	for range 15 {
		r.dieIn(rng.Int64N(100))
		w.Random(rng, 10)
		r.restart()
		r.handIn()
		w.Mine(1)
		r.settle()
		o, f := r.compare()
		open, fillable = open+o, fillable+f
		if t.Failed() {
			t.Fatal(strings.Join(w.History, "\n"))
		}
	}
	t.Logf("%d orders compared at 15 blocks were open, %d of them fillable; the worker was killed %d times", open, fillable, r.deaths)
}

// What moves in a block is in the documents by the next one.
func TestDocumentsAreAtMostOneBlockBehind(t *testing.T) {
	w := seaporttest.Start(t)
	r := follow(t, w, in(t))
	maker := w.Makers[0]
	o := w.Create(seaporttest.Ask, maker, w.Input(seaporttest.Ask, seaporttest.Terms{Token: 1, Price: big.NewInt(1e18)}))
	if err := w.Validate(o); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for i := range 10 {
		from, to, want := maker, w.Vault, markets.No
		if i%2 == 1 {
			from, to, want = w.Vault, maker, markets.Yes
		}
		if err := w.TransferERC721(from, to, 1); err != nil {
			t.Fatal(err)
		}
		moved := w.Head()
		r.settle()
		doc := r.orders()[o.Hash.Hex()]
		if doc.Fillable == nil || doc.Fillable.Answer != want || doc.Fillable.Since.Height > int64(moved.Number)+1 {
			t.Fatalf("block %d: %s, want %s", moved.Number, asJSON(doc.Fillable), want)
		}
	}
}

func TestMain(m *testing.M) {
	thorough.Checks(30) // each has a store
	os.Exit(mongotest.Main(m))
}

// seeds are how many random histories are tried: EVENT_WORKER_TEST_SEEDS, or 2.
func seeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("EVENT_WORKER_TEST_SEEDS"), 10, 16); err == nil {
		return n
	}
	return uint64(thorough.Count(1, 2))
}

// A stranger fills orders from their documents alone: a signed order, and an order that was
// validated on chain, whose document has no signature.
func TestOrdersAreFilledFromTheirDocuments(t *testing.T) {
	w := seaporttest.Start(t)
	r := follow(t, w, in(t))
	maker, taker := w.Makers[0], w.Takers[0]
	ask := func(token int64) *seaporttest.Order {
		return w.Create(seaporttest.Ask, maker, w.Input(seaporttest.Ask, seaporttest.Terms{Token: token, Price: big.NewInt(1e18)}))
	}
	signed, validated := ask(1), ask(2)
	if err := w.Validate(validated); err != nil {
		t.Fatal(err)
	}
	w.Orders = w.Orders[:1] // only the first is submitted
	r.handIn()
	w.Mine(1)
	r.settle()
	for _, o := range []*seaporttest.Order{signed, validated} {
		doc := r.orders()[o.Hash.Hex()]
		if doc.Parameters == nil || (doc.Signature != "") != (o == signed) || doc.Fillable == nil || doc.Fillable.Answer != markets.Yes {
			t.Fatalf("%s\nrefused: %v, actors: %s", asJSON(doc), r.refused(), r.actors())
		}
		p := *doc.Parameters
		if !p.Counter.Known() { // the log does not have it, the contract does
			p.Counter = markets.Amount(w.GetCounter(common.HexToAddress(p.Offerer), w.Head().Hash).String())
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.FulfillJSON(taker, text, common.FromHex(doc.Signature)); err != nil {
			t.Errorf("%v: %s", err, asJSON(doc))
		}
		r.settle()
		if doc := r.orders()[o.Hash.Hex()]; doc.Status != markets.Sold || doc.Taker != taker.Hex() {
			t.Errorf("filled: %s", asJSON(doc))
		}
	}
}
