package actors

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/storetest"
)

// Scenarios are drawn as chains: each block is its events, and a fork leaves the
// newest blocks behind.

// calm is a world in which nothing happens by chance.
func calm(t *testing.T, streams ...string) *world {
	w := newWorld(t, 0, 2)
	w.chain.whole, w.slowness = true, 1
	if len(streams) > 0 {
		w.streams = streams
	}
	return w
}

func listed(order string, quantity markets.Amount) markets.Event {
	return markets.Event{Stream: "list", Kind: markets.Listed, Order: order, Maker: "maker", Quantity: quantity, Price: "100"}
}

func bought(order string, quantity markets.Amount) markets.Event {
	return markets.Event{Stream: "buy", Kind: markets.Bought, Order: order, Quantity: quantity, Price: "100", Partial: true}
}

func delisted(order string) markets.Event {
	return markets.Event{Stream: "delist", Kind: markets.Delisted, Order: order, Maker: "maker"}
}

func cancelled() markets.Event {
	return markets.Event{Stream: "bulk", Kind: markets.OrdersCancelled, Maker: "maker"}
}

// dead is an event that cannot be decoded until it is revived.
func dead(e markets.Event) markets.Event {
	e.Transaction = "dead"
	return e
}

func (w *world) mine(blocks ...[]markets.Event) {
	for _, events := range blocks {
		w.chain.mine(events...)
	}
}

func block(events ...markets.Event) []markets.Event { return events }

func (w *world) restarts(id string) int64 { return w.actors()["chain/market/"+id].Restarts }

// unharmed checks that the actors of other streams have not been restarted.
func (w *world) unharmed(harmed string) {
	w.t.Helper()
	for id, a := range w.actors() {
		if a.Stream != harmed && a.Restarts > 0 {
			w.t.Errorf("%s was restarted too: %s", id, a.LastError)
		}
	}
}

func TestAnObserverKilledInTheMiddleOfABatch(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")), block(bought("a", "1")))
	h := w.gates.hold("chain/market/buy/order-buy")
	w.boot()
	<-h.arrived
	w.fail("chain/market/buy/order-buy")
	w.eventually("the observer's next incarnation", func() bool { return w.restarts("buy/order-buy") == 1 })
	h.release()
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	w.unharmed("buy")
}

// Documents that are behind their log are made of what the log has, whatever the chain tells
// when it is read again: here, an event can be decoded by then.
func TestDocumentsBehindTheirLogFollowTheLog(t *testing.T) {
	w := calm(t, "list")
	w.mine(block(listed("a", "5"), dead(listed("b", "5"))))
	w.flaky.OnCommit(func(moves []persistence.Move) storetest.Fault {
		if moves[0].Actor.ID == "chain/market/list/order-list" {
			return storetest.FailBefore
		}
		return storetest.Pass
	})
	w.boot()
	var letters map[string]markets.DeadLetter
	w.eventually("the log has the block", func() bool {
		letters = load(w, persistence.DeadLetters, markets.DeadLetter.ID)
		return len(letters) == 1
	})
	w.kill()
	for _, letter := range letters {
		w.revived.Store(letter.Transaction, true)
	}
	w.flaky.OnCommit(nil)
	w.boot()
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if a := w.actors()["chain/market/list/order-list"]; a.Events != 1 || a.Place != w.chain.head() {
		t.Errorf("%d events at %v, want the log's 1", a.Events, a.Place)
	}
	for _, letter := range letters {
		w.kill()
		w.retry(letter)
		w.boot()
	}
	w.mustCheck()
}

// The batch is in the log when its observer is killed, and the answer is lost.
func TestACommitWhoseOutcomeIsUnknown(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")), block(bought("a", "1")))
	done := false
	w.flaky.OnCommit(func(moves []persistence.Move) storetest.Fault {
		if moves[0].Actor.ID == "chain/market/buy/"+activity && !done {
			done = true
			return storetest.FailAfter
		}
		return storetest.Pass
	})
	w.boot()
	w.mustCheck()
	if got := w.restarts("buy/" + activity); got != 1 {
		t.Errorf("%d restarts, want 1", got)
	}
	w.unharmed("buy")
}

func TestAStoreThatIsDownForAWhile(t *testing.T) {
	w := calm(t)
	w.mine(block(listed("a", "5")), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	w.flaky.SetDown(true)
	w.mine(block(bought("a", "2"), delisted("a")))
	w.eventually("an actor that has failed", func() bool {
		return w.node.strategy.Failures.Get("chain/market/buy/"+activity).InARow > 0
	})
	time.Sleep(10 * w.node.strategy.Backoff.Max) // in which it could fail again and again
	w.flaky.SetDown(false)
	w.mustCheck()
	if got := w.restarts("buy/" + activity); got != 1 {
		t.Errorf("%d restarts, want one however long the store is down", got)
	}
}

func TestASubjectWhoseFetchFails(t *testing.T) {
	w := calm(t)
	w.mine(block(listed("a", "5")))
	w.boot()
	w.mustCheck()
	w.chain.fail("buy", errHurt)
	w.mine(block(bought("a", "1"), listed("b", "1")))
	head := w.chain.head()
	w.eventually("the other streams at the head", func() bool {
		return w.actors()["chain/market/list/order-list"].Place == head
	})
	w.eventually("the trouble on the subject's document", func() bool {
		a := w.actors()["chain/market/buy/subject"]
		return a.Status == persistence.Retrying && strings.Contains(a.LastError, errHurt.Error())
	})
	w.chain.fail("buy", nil)
	w.mustCheck()
	w.unharmed("")
	w.eventually("no trouble any more", func() bool { return w.states()[persistence.Retrying] == 0 })
}

// model: P1 prefetch in flight.
func TestAPageReadBeforeAReorganisationIsNotSentAfterIt(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(bought("a", "1")), block(bought("a", "2")))
	h := w.chain.hold("buy")
	w.boot()
	<-h.arrived
	w.chain.fork(1)
	w.mine(block(bought("a", "5")))
	w.eventually("the head's new view", func() bool { return w.actors()["chain/head"].Hash == w.chain.head().Hash })
	h.release()
	w.mustCheck()
}

func TestAReorganisationWhileABatchIsInFlight(t *testing.T) {
	for _, observer := range []string{activity, "order-buy"} {
		t.Run(observer, func(t *testing.T) {
			w := calm(t, "buy")
			w.mine(block(bought("a", "1")), block(bought("a", "2")))
			h := w.gates.hold("chain/market/buy/" + observer)
			w.boot()
			<-h.arrived
			w.chain.fork(1)
			w.mine(block(bought("a", "5")), block(bought("a", "7")))
			h.release()
			w.mustCheck()
		})
	}
}

// model: P2 subscribe has no hash; X without the conditional commit.
func TestAReorganisationWhileTheProcessIsDown(t *testing.T) {
	w := calm(t, "buy")
	w.abandonWhileDown()
	w.mustCheck()
}

// abandonWhileDown stops the node on a fork that is abandoned when it comes back.
func (w *world) abandonWhileDown() {
	w.mine(block(bought("a", "1")), block(bought("a", "2")))
	w.boot()
	w.mustSettle()
	w.kill()
	w.chain.fork(1)
	w.mine(block(bought("a", "5")))
	w.boot()
}

func TestWithoutTheHashesAbandonedEventsAreKept(t *testing.T) {
	w := calm(t, "buy")
	w.reads = hashless{w.chain}
	w.atHead = func(_ string, p markets.Place) bool { return p.Seq == w.chain.head().Seq }
	w.abandonWhileDown()
	w.mustFail()
}

func TestTwoReorganisationsInARow(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")), block(bought("a", "2")))
	w.boot()
	w.mustSettle()
	h := w.gates.hold("chain/market/buy/order-buy") // its rollback
	w.chain.fork(1)
	w.mine(block(bought("a", "3")), block(bought("a", "4")))
	<-h.arrived
	w.chain.fork(3)
	w.mine(block(bought("a", "5")), block(bought("a", "6")), block(), block())
	h.release()
	w.mustCheck()
}

// model: P5 zombie. A commit of a process that is gone lands late, or not at all.
func TestACommitOfADeadProcessDoesNotLandLater(t *testing.T) {
	w := calm(t, "buy")
	w.commitOfTheDead()
	w.mustCheck()
}

// commitOfTheDead has a killed process's commit go on when the next process has
// long moved on to another branch.
func (w *world) commitOfTheDead() {
	w.mine(block(), block(bought("a", "2")))
	h := w.gates.hold("chain/market/buy/" + activity)
	w.boot()
	<-h.arrived
	w.kill()
	w.chain.fork(1)
	w.mine(block(bought("a", "5")))
	w.boot()
	w.mustSettle()
	h.release()
}

func TestWithoutTheConditionalCommitTheDeadCommit(t *testing.T) {
	w := calm(t, "buy")
	w.gates.Store = unconditional{w.gates.Store}
	w.commitOfTheDead()
	w.mustFail()
}

// model: P6 fence by read.
func TestATakenOverNodeStopsAndCommitsNothing(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "5")), block(bought("a", "1")))
	h := w.gates.hold("chain/market/buy/order-buy")
	w.boot()
	first := w.node
	w.old = append(w.old, first)
	<-h.arrived
	w.boot() // a second node, while the first one lives
	w.mustSettle()
	h.release()
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	select {
	case err := <-first.Lost():
		if !errors.Is(err, ErrTakenOver) {
			t.Errorf("the first node lost its chain to %v", err)
		}
	case <-time.After(patience):
		t.Error("the first node does not notice")
	}
}

// model: W repaired all, take-over during a rollback.
func TestATakeOverDuringARollback(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(bought("a", "1")), block(bought("a", "2")))
	w.boot()
	w.mustSettle()
	h := w.gates.hold("chain/market/buy/order-buy")
	w.chain.fork(1)
	w.mine(block(bought("a", "5")))
	<-h.arrived
	w.old = append(w.old, w.node)
	w.boot()
	w.mustSettle()
	h.release()
	w.mustCheck()
}

// model: P8 no resub.
func TestARestartedSubjectAsksItsObserversAgain(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(bought("a", "1")))
	w.boot()
	w.mustSettle()
	w.fail("chain/market/buy/subject")
	w.eventually("the subject's restart", func() bool { return w.restarts("buy/subject") == 1 })
	w.mine(block(bought("a", "2")))
	w.mustCheck()
	w.fail("chain/market/buy") // the worker: all of its children are new
	w.eventually("the worker's restart", func() bool { return w.restarts("buy") == 1 })
	w.mine(block(bought("a", "3")))
	w.mustCheck()
	w.unharmed("buy")
}

// model: D2. The listing is abandoned with its block, the sale is not.
func TestAnAbandonedListingLeavesItsSaleBehind(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "3")))
	w.boot()
	w.mustSettle()
	w.chain.fork(1)
	w.mine(block(), block(bought("a", "1")))
	w.mustCheck()
}

// model: D4. The events of the new stream are earlier than those of the log.
func TestAStreamThatIsAddedLater(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(
		block(listed("a", "3"), listed("b", "3"), delisted("a"), delisted("b"), listed("b", "4")),
		block(bought("a", "1"), bought("b", "1")),
	)
	w.boot()
	w.mustCheck()
	w.kill()
	w.streams = []string{"list", "buy", "delist"}
	w.boot()
	w.mustCheck()
}

// model: the observer of documents is added when the log is already there, and
// part of the log is abandoned meanwhile.
func TestAnObserverThatIsAddedLater(t *testing.T) {
	w := calm(t, "list", "buy")
	w.logOnly = map[string]bool{"buy": true}
	w.mine(block(listed("a", "9")), block(bought("a", "1")), block(bought("a", "2")), block(), block())
	w.boot()
	w.eventually("the log at the head", func() bool { return w.actors()["chain/market/buy/"+activity].Place == w.chain.head() })
	w.kill()
	w.logOnly = nil
	w.chain.fork(1)
	w.mine(block(bought("a", "3")))
	w.boot()
	w.mustCheck()
}

// model: D5, D6.
func TestDeadLettersThatCanBeDecodedLater(t *testing.T) {
	w := calm(t, "list", "buy", "delist")
	w.mine(
		block(listed("a", "3"), listed("b", "3"), dead(delisted("a")), dead(delisted("b")), listed("b", "4")),
		block(bought("a", "1"), bought("b", "1"), dead(bought("a", "1"))),
	)
	w.boot()
	w.mustCheck()
	letters := load(w, persistence.DeadLetters, markets.DeadLetter.ID)
	if len(letters) != 3 {
		t.Fatalf("%d dead letters, want 3", len(letters))
	}
	w.kill()
	for _, letter := range letters {
		w.retry(letter)
	}
	w.boot()
	w.mustCheck()
	w.chain.fork(1) // and they leave with their block
	w.mine(block(), block())
	w.mustCheck()
}

func TestADeadLetterOfAnAbandonedForkIsGone(t *testing.T) {
	w := calm(t, "list", "delist")
	w.mine(block(listed("a", "3")), block(dead(delisted("a"))))
	w.boot()
	w.mustCheck()
	w.chain.fork(1)
	w.mine(block())
	w.mustCheck()
}

// model: D7.
func TestRewind(t *testing.T) {
	t.Parallel()
	for height := range int64(5) {
		w := calm(t)
		w.mine(block(listed("a", "9")), block(bought("a", "1")), block(cancelled(), bought("a", "1")), block(listed("a", "2")))
		w.boot()
		w.mustCheck()
		w.kill()
		w.rewind(height)
		for id, a := range w.actors() {
			if a.Kind == "observer" && a.Seq > height {
				t.Errorf("rewound to %d, %s is at %d", height, id, a.Seq)
			}
		}
		w.boot()
		w.mustCheck()
		w.kill()
	}
}

// model: D8.
func TestABulkCancelReachesOrdersThatAreSeenLater(t *testing.T) {
	w := calm(t, "list", "bulk")
	w.mine(block(listed("a", "3"), listed("b", "3")), block(cancelled()), block(listed("b", "3")), block(), block())
	w.chain.fail("list", errHurt)
	w.boot()
	w.eventually("the bulk cancel", func() bool {
		return w.actors()["chain/market/bulk/order-bulk"].Place == w.chain.head()
	})
	w.chain.fail("list", nil)
	w.mustCheck()
}

// A bulk cancel that takes many commits is interrupted in the middle, and its
// block is abandoned before the process is back.
func TestABulkCancelThatIsInterruptedAndAbandoned(t *testing.T) {
	w := calm(t, "list", "bulk")
	var many []markets.Event
	for i := range 20 {
		many = append(many, listed(string(rune('a'+i)), "1"))
	}
	w.mine(many)
	w.boot()
	w.mustSettle()
	h := w.holdPortion("chain/market/bulk/order-bulk", 3)
	w.mine(block(cancelled()))
	<-h.arrived
	w.kill()
	if a := w.actors()["chain/market/bulk/order-bulk"]; a.Pending == nil {
		t.Fatalf("nothing is pending: %+v", a)
	}
	h.release()
	w.chain.fork(1)
	w.mine(block())
	w.boot()
	w.mustCheck()
}

// model: D9.
func TestAReorganisationDeeperThanFinality(t *testing.T) {
	for _, down := range []bool{false, true} {
		w := calm(t, "list", "buy")
		w.mine(block(listed("a", "9")), block(bought("a", "1")), block(bought("a", "1")), block(), block(), block(bought("a", "2")), block())
		w.boot()
		w.mustCheck()
		if down {
			w.kill()
		}
		w.chain.fork(6)
		w.mine(block(), block(bought("a", "4")), block(), block(), block(), block(), block())
		if down {
			w.boot()
		}
		w.mustCheck()
		w.kill()
	}
}

func TestAPageReadAsFinalBeforeFinalityBroke(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(), block(bought("a", "1")), block(), block(), block(), block())
	h := w.chain.hold("buy")
	w.boot()
	<-h.arrived
	w.chain.fork(5)
	w.mine(block(bought("a", "5")), block(), block(), block(), block(), block(), block(), block(), block())
	w.eventually("the head's new view", func() bool { return w.actors()["chain/head"].Hash == w.chain.head().Hash })
	h.release()
	w.mustCheck()
}

// The chain rests, so that no new view wakes the stream.
func TestAnEndpointThatLagsForAWhile(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.chain.fail("buy", chains.ErrAhead)
	w.boot()
	w.eventually("the other stream", func() bool { return w.actors()["chain/market/list/order-list"].Place == w.chain.head() })
	w.chain.fail("buy", nil)
	w.mustCheck()
	w.unharmed("")
}

// The log of a listing is acknowledged before it is durable. An earlier sale
// comes meanwhile: the order is folded again, from a log without the listing.
func TestWithoutLogFirstDocumentsMissWhatWasExecuted(t *testing.T) {
	for _, logFirst := range []bool{true, false} {
		w := calm(t, "list", "buy")
		w.mine(block(), block(bought("a", "1")), block(listed("a", "9")))
		w.chain.fail("buy", errHurt)
		late := &lateLog{Store: w.store, of: "chain/market/list/" + activity}
		if !logFirst {
			w.store = late
		}
		w.boot()
		w.eventually("the listing", func() bool { return w.actors()["chain/market/list/order-list"].Place == w.chain.head() })
		w.chain.fail("buy", nil)
		w.eventually("the sale", func() bool { return w.actors()["chain/market/buy/order-buy"].Place == w.chain.head() })
		late.flush()
		if logFirst {
			w.mustCheck()
		} else {
			w.mustFail()
		}
		w.kill()
	}
}

// A stream that has fallen silent behind the others does not hold them up.
func TestASilentStreamDoesNotHoldUpTheOthers(t *testing.T) {
	w := calm(t, "list", "buy")
	w.abreast = 50 * time.Millisecond
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	w.mustCheck()
	w.chain.fail("list", errHurt)
	w.mine(block(bought("a", "1")), block(bought("a", "1")))
	w.eventually("the sales", func() bool { return w.actors()["chain/market/buy/order-buy"].Place == w.chain.head() })
	w.chain.fail("list", nil)
	w.mustCheck()
}

func TestANodeStopsWhileItsWorkHangs(t *testing.T) {
	w := calm(t, "buy")
	w.mine(block(bought("a", "1")))
	w.chain.fail("buy", errHang)
	w.boot()
	w.eventually("a read that hangs", func() bool { return w.chain.hanging() > 0 })
	w.eventually("all actors at work", func() bool { return w.states()[""] == 0 && len(w.actors()) == 8 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.node.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if states := w.states(); states[persistence.Stopped] != 8 {
		t.Errorf("the actors are %v", states)
	}
	w.node = nil
	w.chain.fail("buy", nil)
	w.boot()
	w.mustCheck()
}

// states is how many actors are in each state.
func (w *world) states() map[string]int {
	n := map[string]int{}
	for _, a := range w.actors() {
		n[a.Report.Status]++
	}
	return n
}

func TestCaughtUpWhenEveryStreamIs(t *testing.T) {
	w := calm(t, "list", "buy")
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.chain.fail("buy", errHurt)
	w.boot()
	w.eventually("one stream", func() bool { return w.actors()["chain/market/list/order-list"].Place == w.chain.head() })
	select {
	case <-w.node.CaughtUp():
		t.Fatal("caught up without a stream")
	default:
	}
	w.chain.fail("buy", nil)
	select {
	case <-w.node.CaughtUp():
	case <-time.After(patience):
		t.Fatal("never caught up")
	}
	w.mustCheck()
}

func (w *world) mustSettle() {
	w.t.Helper()
	if err := w.settle(); err != nil {
		w.t.Fatal(err)
	}
}

// mustFail checks that the world has not ended as it should.
func (w *world) mustFail() {
	w.t.Helper()
	w.patience = time.Second
	err := w.check()
	if err == nil {
		w.t.Fatal("all is right without the rule: it is not needed, or this test is blind")
	}
	w.t.Logf("as it must: %.400s", err)
}
