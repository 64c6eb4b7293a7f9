package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/actors/requests"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

// asked is a world whose nodes own the chain by leases and execute requests.
type asked struct {
	*world
	queue   persistence.RequestQueue
	stop    func() // ends the executor of the node that is not killed
	deaf    bool   // the next owner looks for no requests but those that it finds running
	ids     []string
	stopped []func()
}

func newAsked(t testing.TB, seed uint64) *asked {
	w := newWorld(t, seed, int64(seed%4))
	a := &asked{world: w, queue: w.disk.(persistence.RequestQueue), stop: func() {}}
	t.Cleanup(func() {
		for _, stop := range append(a.stopped, a.stop) {
			stop()
		}
	})
	return a
}

// takeOver starts a node that takes the chain over. The one before may not know of it.
func (a *asked) takeOver() {
	a.t.Helper()
	if a.node != nil {
		a.old = append(a.old, a.node)
	}
	a.stopped = append(a.stopped, a.stop)
	epoch, err := a.disk.TakeOver(a.t.Context(), "chain", "test")
	if err != nil {
		a.t.Fatal(err)
	}
	a.node = a.join(true)
	e := requests.New(requests.Config{
		Queue: mortalQueue{a.queue, a.seen.(*storetest.Mortal)}, Store: a.seen, Host: a.node, Log: slog.New(slog.DiscardHandler), Poll: 2 * time.Millisecond, Portion: 1 + a.r.IntN(4),
		Markets: map[string][]markets.Market{"chain": {a.definedMarket()}}, Alone: true,
	})
	ctx, cancel := context.WithCancel(context.Background())
	e.Own("chain", epoch)
	if a.deaf {
		a.stop = func() { cancel(); e.Run(ctx) }
		return
	}
	ended := make(chan struct{})
	go func() { defer close(ended); e.Run(ctx) }()
	a.stop = func() { cancel(); <-ended }
}

// crash kills the node and what it executes.
func (a *asked) crash() {
	a.kill()
	a.stop()
	a.stop = func() {}
}

// ask asks for something, without waiting.
func (a *asked) ask(r persistence.Request) string {
	a.t.Helper()
	r.ID, r.Chain, r.AskedBy = fmt.Sprintf("request-%03d", len(a.ids)), "chain", "test"
	if err := a.queue.Ask(a.t.Context(), []persistence.Request{r}, time.Hour); err != nil {
		a.t.Fatal(err)
	}
	a.ids = append(a.ids, r.ID)
	return r.ID
}

func (a *asked) askAnything() {
	scope := persistence.Request{Market: "market", Stream: pick(a.r, a.streams...)}
	if a.r.IntN(3) == 0 {
		scope.Stream = ""
	}
	height := a.r.Int64N(a.chain.height() + 2)
	switch r := scope; a.r.IntN(8) {
	case 0, 1, 2:
		r.Kind, r.Height, r.DryRun = persistence.RewindRequest, &height, a.r.IntN(6) == 0
		if a.r.IntN(3) == 0 {
			r.Market, r.Stream = "", ""
		}
		a.ask(r)
	case 3:
		r.Kind = persistence.PauseRequest
		a.ask(r)
	case 4:
		r.Kind = persistence.ResumeRequest
		a.ask(r)
	case 5:
		r.Kind = persistence.RedecodeRequest // refused unless raw events are kept
		a.reviveSome()
		a.ask(r)
	default:
		a.reviveSome()
		r.Kind = persistence.RetryRequest
		a.ask(r)
	}
}

// reviveSome lets some of the dead letters be decoded from now on.
func (a *asked) reviveSome() {
	for _, letter := range load(a.world, persistence.DeadLetters, markets.DeadLetter.ID) {
		if a.r.IntN(2) == 0 {
			a.revived.Store(letter.Transaction, true)
		}
	}
}

// request returns a request once it has ended.
func (a *asked) request(id string) (r persistence.Request) {
	a.t.Helper()
	a.eventually(id+" ends", func() bool {
		found, err := a.queue.Requests(a.t.Context(), []string{id})
		if err != nil || len(found) != 1 {
			a.t.Fatalf("%s: %v, %v", id, found, err)
		}
		r = found[0]
		return r.Ended()
	})
	return r
}

// done is request for one that has not failed.
func (a *asked) done(id string) persistence.Request {
	a.t.Helper()
	r := a.request(id)
	if r.State != persistence.RequestDone {
		a.t.Fatalf("%s has failed: %s", id, r.Reason)
	}
	return r
}

// mortalQueue is the queue of requests as a process sees it that can be killed.
type mortalQueue struct {
	persistence.RequestQueue
	process *storetest.Mortal
}

func (q mortalQueue) Pending(ctx context.Context) ([]persistence.Request, error) {
	if q.process.Dead() {
		return nil, storetest.ErrKilled
	}
	return q.RequestQueue.Pending(ctx)
}

func (q mortalQueue) StartRequest(ctx context.Context, owned persistence.Lease, id string) (persistence.Request, bool, error) {
	if q.process.Dead() {
		return persistence.Request{}, false, storetest.ErrKilled
	}
	return q.RequestQueue.StartRequest(ctx, owned, id)
}

func (q mortalQueue) ReportRequest(ctx context.Context, started persistence.Request) error {
	if q.process.Dead() {
		return storetest.ErrKilled
	}
	return q.RequestQueue.ReportRequest(ctx, started)
}

func (q mortalQueue) FinishRequest(ctx context.Context, owned persistence.Lease, started persistence.Request) (bool, error) {
	if q.process.Dead() {
		return false, storetest.ErrKilled
	}
	return q.RequestQueue.FinishRequest(ctx, owned, started)
}

// During crashes, take-overs, reorganisations and failures, every request ends. Once all
// streams are followed again and the chain rests, the documents are those of the canonical
// chain.
func TestRequestsAmongFailures(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			a := newAsked(t, seed)
			a.keepRaw = seed%2 == 0
			a.takeOver()
			for range 50 {
				switch a.r.IntN(20) {
				case 0, 1:
					a.chain.fork(1 + a.r.IntN(3))
					a.block()
					a.block()
				case 2, 3:
					a.crash()
					a.takeOver()
				case 4:
					a.takeOver() // the owner before lives
				case 5, 6:
					a.hurt()
				case 7, 8, 9:
					a.world.pause()
				case 10, 11, 12, 13:
					a.askAnything()
				default:
					a.block()
				}
			}
			a.outgrow()
			for _, id := range a.ids {
				r := a.request(id)
				if refused := r.State == persistence.RequestFailed; refused && !acceptable(r) {
					t.Errorf("%s %s of %s has failed: %s", id, r.Kind, r.Subject(), r.Reason)
				}
			}
			a.done(a.ask(persistence.Request{Kind: persistence.ResumeRequest, Market: "market"}))
			if err := a.settle(); err != nil {
				t.Fatal(err)
			}
			unread := int64(0)
			for _, letter := range load(a.world, persistence.DeadLetters, markets.DeadLetter.ID) {
				if !a.isRevived(letter.Transaction) {
					unread++
				}
			}
			if r := a.done(a.ask(persistence.Request{Kind: persistence.RetryRequest})); r.Answer.Remaining != unread {
				t.Errorf("%+v, want %d dead letters to remain", *r.Answer, unread)
			}
			if err := a.check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// acceptable reports whether a request may have failed for its reason.
func acceptable(r persistence.Request) bool {
	if r.Kind == persistence.RewindRequest && strings.Contains(r.Reason, "no such stream") { // nothing was read of it yet
		return true
	}
	for kind, reason := range map[string]string{
		persistence.RewindRequest: "nothing lies beyond that height", persistence.RedecodeRequest: "cannot be decoded from its log",
	} {
		if r.Kind == kind && strings.Contains(r.Reason, reason) {
			return true
		}
	}
	return r.Kind == persistence.RedecodeRequest && (strings.Contains(r.Reason, "name one stream") || strings.Contains(r.Reason, "nothing was read"))
}

// A paused stream keeps its place while the others and the head advance, also on the next
// owner and after a reorganisation. No other stream waits for it.
func TestAPausedStreamStays(t *testing.T) {
	a := newAsked(t, 1)
	a.takeOver()
	a.outgrow()
	if err := a.settle(); err != nil {
		t.Fatal(err)
	}
	a.done(a.ask(persistence.Request{Kind: persistence.PauseRequest, Market: "market", Stream: "list"}))
	at := a.actors()["chain/market/list/activity"].Place
	for i := range 3 {
		a.chain.fork(1)
		a.outgrow()
		a.eventually("the others go on", func() bool {
			all := a.actors()
			for _, s := range a.streams {
				if s != "list" && !a.atHead(s, all["chain/market/"+s+"/activity"].Place) {
					return false
				}
			}
			subject := all["chain/market/list/subject"]
			return subject.Status == persistence.Paused && subject.Lag == a.chain.height()-max(at.Height(), 0)
		})
		if now := a.actors()["chain/market/list/activity"].Place; now != at {
			t.Fatalf("it is at %v, was at %v", now, at)
		}
		if i == 1 {
			a.crash()
			a.takeOver()
		}
	}
	select {
	case <-a.node.CaughtUp():
	case <-time.After(a.patience):
		t.Error("the node waits for the paused stream")
	}
	a.done(a.ask(persistence.Request{Kind: persistence.ResumeRequest, Market: "market", Stream: "list"}))
	a.mustCheck()
}

// A request that was executed is not executed again by the next owner: the one before died
// after the end was durable and before it could start the actors.
func TestAnEndedRequestIsNotExecutedAgain(t *testing.T) {
	a := newAsked(t, 2)
	a.takeOver()
	a.outgrow()
	if err := a.settle(); err != nil {
		t.Fatal(err)
	}
	before := a.chain.height()
	zero := int64(0)
	r := a.done(a.ask(persistence.Request{Kind: persistence.RewindRequest, Height: &zero}))
	a.crash()
	if len(r.Answer.Streams) != len(a.streams) {
		t.Errorf("%+v", r.Answer)
	}
	for _, s := range r.Answer.Streams {
		if s.From.Seq != before || s.To.Seq > 0 {
			t.Errorf("%+v", s)
		}
	}
	a.takeOver()
	a.mustCheck()
	if again := a.done(r.ID); again.Starts != 1 || again.Epoch != r.Epoch {
		t.Errorf("executed again: %+v", again)
	}
}

// The owner loses the chain during a request, at a commit of any of the observers. The next
// owner continues it before its actors read, and the answer covers both executions. The
// commit in progress has no effect.
func TestTakeOverInTheMiddleOfARewind(t *testing.T) {
	t.Parallel()
	for i, stream := range allStreams {
		for _, observer := range []string{activity, observerOf(stream)} {
			t.Run(stream+"/"+observer, func(t *testing.T) {
				t.Parallel()
				a := newAsked(t, uint64(i))
				watched := &quiet{Store: a.store, queue: a.queue}
				a.store = watched
				a.takeOver()
				a.outgrow()
				a.outgrow()
				if err := a.settle(); err != nil {
					t.Fatal(err)
				}
				head, zero := a.chain.height(), int64(0)
				held := a.hold("chain/market/" + stream + "/" + observer)
				id := a.ask(persistence.Request{Kind: persistence.RewindRequest, Height: &zero})
				<-held.arrived
				if i%2 == 0 {
					a.kill()
				}
				a.deaf = true
				a.takeOver()
				r := a.done(id)
				close(held.open)
				if r.Starts != 2 || len(r.Answer.Streams) != len(a.streams) {
					t.Errorf("%d streams, started %d times", len(r.Answer.Streams), r.Starts)
				}
				for _, s := range r.Answer.Streams {
					if s.From.Seq != head || s.To.Seq > 0 {
						t.Errorf("%+v", s)
					}
				}
				a.mustCheck()
				if n := watched.forward.Load(); n > 0 {
					t.Errorf("%d batches were executed while the request was running", n)
				}
			})
		}
	}
}

// quiet counts the transitions forward that are made while a request is running.
type quiet struct {
	persistence.Store
	queue   persistence.RequestQueue
	forward atomic.Int64
}

func (q *quiet) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	open, err := q.queue.Pending(ctx)
	if running := err == nil && len(open) > 0 && open[0].State == persistence.RequestRunning; running {
		for _, move := range moves {
			if strings.Contains(move.Actor.ID, "/activity") && move.To.Seq > move.From.Seq {
				q.forward.Add(1)
			}
		}
	}
	return q.Store.Commit(ctx, ref, moves, do)
}

// The same of a retry: the dead letters that the first owner has decoded count too.
func TestTakeOverInTheMiddleOfARetry(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 5)
	a.takeOver()
	var letters map[string]markets.DeadLetter
	a.eventually("there are dead letters", func() bool {
		a.outgrow()
		letters = load(a.world, persistence.DeadLetters, markets.DeadLetter.ID)
		return len(letters) >= 4
	})
	if err := a.settle(); err != nil {
		t.Fatal(err)
	}
	letters = load(a.world, persistence.DeadLetters, markets.DeadLetter.ID)
	for _, letter := range letters {
		a.revived.Store(letter.Transaction, true)
	}
	held := a.holdPortion("chain/market/orders", 2)
	id := a.ask(persistence.Request{Kind: persistence.RetryRequest})
	<-held.arrived
	a.takeOver()
	if r := a.done(id); r.Starts != 2 || r.Answer.Decoded != int64(len(letters)) || r.Answer.Remaining != 0 {
		t.Errorf("%+v, started %d times, want %d decoded", *r.Answer, r.Starts, len(letters))
	}
	close(held.open)
	a.mustCheck()
}

// The owner loses the chain while a stream is decoded again: what it had not come to is read from
// the node, with the same result.
func TestTakeOverInTheMiddleOfARedecode(t *testing.T) {
	t.Parallel()
	for commits := range 4 {
		t.Run(fmt.Sprint("after commit ", commits), func(t *testing.T) {
			t.Parallel()
			a := newAsked(t, 7)
			a.keepRaw = true
			a.takeOver()
			for range 3 {
				a.outgrow()
			}
			if err := a.settle(); err != nil {
				t.Fatal(err)
			}
			a.reviveSome()
			held := a.holdPortion("chain/market/buy/"+[]string{activity, "order-buy"}[commits%2], commits/2)
			id := a.ask(persistence.Request{Kind: persistence.RedecodeRequest, Market: "market", Stream: "buy"})
			select {
			case <-held.arrived:
			case <-time.After(a.patience):
				t.Fatalf("%+v", a.request(id))
			}
			a.takeOver()
			if r := a.done(id); r.Starts != 2 || len(r.Answer.Notes) == 0 {
				t.Errorf("%+v, started %d times", *r.Answer, r.Starts)
			}
			close(held.open)
			a.done(a.ask(persistence.Request{Kind: persistence.RetryRequest})) // of the other streams
			a.mustCheck()
		})
	}
}

// Documents that are behind their log, as when the actors are stopped, come to it first.
func TestDocumentsBehindTheirLogAreDecodedAgain(t *testing.T) {
	a := newAsked(t, 8)
	a.keepRaw = true
	a.takeOver()
	a.outgrow()
	if err := a.settle(); err != nil {
		t.Fatal(err)
	}
	held := a.hold("chain/market/buy/order-buy")
	a.outgrow()
	log, documents := "chain/market/buy/activity", "chain/market/buy/order-buy"
	defer close(held.open)
	<-held.arrived
	for range 5 {
		a.outgrow()
	}
	a.eventually("the log is ahead", func() bool {
		all := a.actors()
		return all[log].Seq > all[documents].Seq
	})
	a.crash()
	m, err := maintenance.TakeOver(t.Context(), a.disk, "test", "chain")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Redecode(t.Context(), markets.EVM, "market", a.streamOf("buy"), -1); err != nil {
		t.Fatal(err)
	}
	all := a.actors()
	if all[log].Place != all[documents].Place || all[log].Events != all[documents].Events {
		t.Errorf("the log is at %v with %d events, its documents at %v with %d", all[log].Place, all[log].Events, all[documents].Place, all[documents].Events)
	}
	a.takeOver()
	a.done(a.ask(persistence.Request{Kind: persistence.RetryRequest}))
	a.mustCheck()
}

// After definitions have changed, a request renews the changed streams while the node runs,
// also across take-overs. Then the documents are those of a node that has had the last
// definitions from the beginning.
func TestChangedDefinitionsAreRenewedOnRequest(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			a := newAsked(t, seed)
			a.definitions = map[string]int{}
			for range 3 {
				a.takeOver()
				a.outgrow()
				if err := a.settle(); err != nil {
					t.Fatal(err)
				}
				a.crash()
				for _, s := range a.streams {
					if a.r.IntN(2) == 0 {
						a.definitions[s] = a.r.IntN(len(definitions))
					}
				}
			}
			a.takeOver()
			changed, err := maintenance.Changed(t.Context(), a.disk, "chain", []markets.Market{a.definedMarket()})
			if err != nil {
				t.Fatal(err)
			}
			id := a.ask(persistence.Request{Kind: persistence.RedecodeRequest})
			for range a.r.IntN(3) {
				a.crash()
				a.takeOver()
			}
			if r := a.done(id); r.Starts == 1 && len(r.Answer.Notes) != len(changed) {
				t.Errorf("%+v, want of %v", *r.Answer, changed)
			}
			a.done(a.ask(persistence.Request{Kind: persistence.RetryRequest}))
			if err := errors.Join(a.check(), a.unchanged()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A request of a chain that is not followed fails at once where no other process could follow it.
func TestARequestOfAnotherChainIsRefused(t *testing.T) {
	a := newAsked(t, 9)
	a.takeOver()
	r := persistence.Request{ID: "other", Chain: "other", Kind: persistence.RedecodeRequest, AskedBy: "test"}
	if err := a.queue.Ask(t.Context(), []persistence.Request{r}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if r := a.request("other"); r.State != persistence.RequestFailed || r.Reason != persistence.NotFollowed {
		t.Errorf("%+v", r)
	}
}
