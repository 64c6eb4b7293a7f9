package facts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// What a listing goes through.
func TestAnOrderIsFollowed(t *testing.T) {
	f, _ := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	f.expect(o, "LISTING yes")
	f.next(allow(alice, false))
	f.expect(o, "LISTING no approval")
	f.next(transfer(0, bob))
	f.expect(o, "LISTING no owner")
	f.next(transfer(0, alice), allow(alice, true))
	f.expect(o, "LISTING yes")
	f.next(cancel(o))
	f.expect(o, "CANCELED")
}

// Nothing is asked before the market's other streams have executed the block.
func TestFactsWaitForTheOtherStreams(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	fake.mine(list(o))
	f.execute("trade", 1)
	for range 2 {
		if page, err := f.read(markets.StateStream); !errors.Is(err, chains.ErrWaits) {
			t.Fatalf("read %+v, %v before the listings of the block", page, err)
		}
	}
	if len(fake.asked) > 0 {
		t.Errorf("asked %d questions too early", len(fake.asked))
	}
	f.execute("list", 1)
	f.facts()
	f.expect(o, "LISTING yes")
}

// What the log has executed is read from the log, whatever the contracts would say now.
func TestARestartBetweenLogAndDocuments(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	fake.mine(list(o))
	f.execute("list", 1)
	f.execute("trade", 1)
	page, err := f.read(markets.StateStream)
	f.must(err)
	f.accept(markets.StateStream, page)
	f.restart()
	f.questions()
	fake.head.answers[function{nftAt, 0}] = chains.CallResult{Err: chains.ErrReverted} // at the very block
	if page, err := f.read(markets.StateStream); !errors.Is(err, chains.ErrWaits) {
		t.Fatalf("the log goes on to %+v, %v before the documents have come", page, err)
	}
	again, err := f.read(markets.StateStream + "+")
	f.must(err)
	if n := len(fake.asked); n > 0 || len(again.Raws) != 1 || again.To != page.To {
		t.Fatalf("%d questions, page %+v", n, again)
	}
	f.accept(markets.StateStream+"+", again)
	f.expect(o, "LISTING yes")
	if string(again.Raws[0].JSON) == "" || again.Raws[0].Position != page.Raws[0].Position || again.Raws[0].Block != page.Raws[0].Block {
		t.Errorf("read again:\n%+v\n%+v", again.Raws[0], page.Raws[0])
	}
}

// A log on an abandoned branch is not read again: it is about to be rolled back.
func TestTheLogOfAnotherBranch(t *testing.T) {
	f, fake := test(t)
	f.next()
	fake.mine(list(newOrder(alice, 0, 1)))
	f.execute("list", 2)
	f.execute("trade", 2)
	page, err := f.read(markets.StateStream)
	f.must(err)
	f.accept(markets.StateStream, page)
	fake.reorganise(1)
	fake.mine()
	if page, err := f.read(markets.StateStream + "+"); !errors.Is(err, chains.ErrWaits) {
		t.Errorf("read %+v, %v of a log that is on another branch", page, err)
	}
	f.sync()
}

// A page that is dropped is read again with the same questions.
func TestADroppedPage(t *testing.T) {
	f, fake := test(t)
	f.limit = 3
	var orders []func(*fakeBlock)
	for i := range 8 {
		orders = append(orders, list(newOrder(alice, 0, 1).salted(i)))
	}
	f.next(orders...)
	f.next()
	fake.mine(transfer(0, bob))
	for _, stream := range otherStreams {
		f.execute(stream, fake.head.Seq)
	}
	var asked [2]string
	for i := range asked {
		fake.asked = nil
		_, err := f.read(markets.StateStream)
		f.must(err)
		asked[i] = fmt.Sprint(fake.asked)
	}
	if asked[0] != asked[1] || asked[0] == "[]" {
		t.Errorf("asked\n%s\nand then\n%s", asked[0], asked[1])
	}
}

// No endpoint that answers: the stream goes on without facts, and makes up for them later.
func TestEndpointsThatCannotBeAsked(t *testing.T) {
	for _, reason := range []error{chains.ErrPruned, chains.ErrNoMethod} {
		f, fake := test(t)
		o, p := newOrder(alice, 0, 1), newOrder(alice, 2, 1)
		f.next(list(o))
		fake.err = func() error { return fmt.Errorf("node: %w", reason) }
		f.next(list(p), transfer(0, bob))
		f.expect(o, "LISTING yes")
		f.expect(p, "LISTING")
		fake.err = nil
		f.next()
		f.expect(o, "LISTING no owner")
		f.expect(p, "LISTING yes")
		if n := strings.Count(f.logged.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, f.logged.String())
		}
	}
}

// Errors of the chain are passed on, and nothing is lost by them.
func TestQuestionsThatFail(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	fake.mine(transfer(0, bob))
	for _, stream := range otherStreams {
		f.execute(stream, 2)
	}
	for _, reason := range []error{chains.ErrReorganised, chains.ErrAhead, errors.New("timeout")} {
		for n := range 2 { // the logs, the contracts
			asked := 0
			fake.err = func() error {
				if asked++; asked > n {
					return reason
				}
				return nil
			}
			if page, err := f.read(markets.StateStream); !errors.Is(err, reason) {
				t.Errorf("question %d: page %+v, %v, want %v", n, page, err, reason)
			}
		}
	}
	fake.err = nil
	f.facts()
	f.expect(o, "LISTING no owner")
}

// Far behind the head nothing is asked.
func TestABackfillAsksNothing(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	fake.mine(list(o))
	for range nearHead + 1 {
		fake.mine()
	}
	f.execute("list", 1)
	f.execute("trade", 1)
	f.facts()
	f.expect(o, "LISTING")
	if len(fake.asked) > 0 || f.actors[markets.StateStream].Seq != 1 {
		t.Errorf("%d questions, at %+v", len(fake.asked), f.actors[markets.StateStream].Place)
	}
	f.sync()
	f.expect(o, "LISTING yes")
}

// Facts of an abandoned block are gone, with what they said.
func TestAReorganisation(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	f.next(transfer(0, bob))
	f.expect(o, "LISTING no owner")
	fake.reorganise(1)
	fake.mine()
	f.sync()
	f.expect(o, "LISTING yes")
	f.checkLog()
}

// checkLog checks that all facts of the log are of blocks of the chain.
func (f *follower) checkLog() {
	f.Helper()
	for _, a := range collect[markets.Activity](f, persistence.Activities) {
		if a.Seq > f.fake.head.Seq || f.fake.at(a.Seq).Hash != a.Block {
			f.Errorf("the log has %s about %s of block %d %s, which is not on the chain", a.Kind, a.Order, a.Seq, a.Block)
		}
	}
}

// An order that is closed above the block at which contracts are asked, and open again when
// that is reorganised, is asked about then: what touched it meanwhile is not forgotten.
func TestDocumentsBeyondTheBlock(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	fake.mine(transfer(0, bob))
	fake.mine(cancel(o))
	f.execute("trade", 3)
	f.execute("list", 2)
	f.facts()
	if at := f.actors[markets.StateStream+"+"].Seq; at != 2 {
		t.Fatalf("the facts are at %d", at)
	}
	fake.reorganise(1)
	fake.mine()
	f.sync()
	f.expect(o, "LISTING no owner")
}

// A round that finds what no log told says so.
func TestASlowRoundFindsWhatNoLogTold(t *testing.T) {
	f, _ := test(t)
	var orders []func(*fakeBlock)
	for i := range 4 {
		orders = append(orders, list(newOrder(alice, uint64(2*i), 1)))
	}
	o := newOrder(alice, 0, 1)
	f.next(append(orders, list(o))...)
	f.next(silently(transfer(0, bob)))
	f.expect(o, "LISTING yes")
	blocks := 0
	for ; f.is(o) == "LISTING yes" && blocks < 200; blocks++ {
		f.next()
	}
	f.expect(o, "LISTING no owner")
	if most := int(slowEvery.Seconds())/12 + 2; blocks > most {
		t.Errorf("found after %d blocks, want %d at most", blocks, most)
	}
	if text := f.logged.String(); !strings.Contains(text, "orders=4 differed=1") {
		t.Errorf("not reported: %s", text)
	}
}

// Of more touched orders than a block has room for the others follow, block by block.
func TestMoreTouchedOrdersThanABlockHasRoomFor(t *testing.T) {
	f, _ := test(t)
	var orders []*madeOrder
	var lists []func(*fakeBlock)
	for i := range 10 {
		o := newOrder(alice, 0, 1).salted(i)
		orders, lists = append(orders, o), append(lists, list(o))
	}
	f.next(lists...)
	f.limit = 4
	f.next(transfer(0, bob))
	for _, want := range []int{4, 8, 10} {
		known := 0
		for _, o := range orders {
			if f.is(o) == "LISTING no owner" {
				known++
			}
		}
		if known != want {
			t.Errorf("%d of 10 are known, want %d", known, want)
		}
		f.next()
	}
	f.questions()
	f.next()
	if n := f.questions(); n > 0 {
		t.Errorf("%d are asked about in vain", n)
	}
}

// At the head, without anything that moves, next to nothing is asked.
func TestAQuietBlock(t *testing.T) {
	f, _ := test(t)
	f.next(list(newOrder(alice, 0, 1)), list(newOrder(bob, 1, 1)))
	f.next()
	f.questions()
	f.next(transfer(5, alice), allow(bob, true))
	if n := f.questions(); n != 2 { // a token of Alice's contract, and Bob's approval
		t.Errorf("%d orders were asked about", n)
	}
	for range 20 {
		f.next()
	}
	if n := f.questions(); n > 0 {
		t.Errorf("%d orders were asked about in 20 blocks", n)
	}
}

// Orders of which only fills were seen turn out to be what the contract says.
func TestOrdersOfUnknownSize(t *testing.T) {
	f, _ := test(t)
	seen := func(o *madeOrder) func(*fakeBlock) {
		return func(b *fakeBlock) {
			b.orders[o.hash] = orderStatus{validated: true}
			fill(o, bob)(b)
		}
	}
	sold, open, cancelled := newOrder(alice, 1, 2), newOrder(alice, 2, 2), newOrder(alice, 3, 2)
	f.next(seen(sold), seen(open), seen(cancelled))
	for _, o := range []*madeOrder{sold, open, cancelled} {
		f.expect(o, "LISTING unknown") // half of it is filled
		if s := f.doc(o).State; s == nil || s.Filled != "1" || s.Size != "2" {
			t.Errorf("state %+v", s)
		}
	}
	f.next(fill(sold, bob), cancel(cancelled))
	f.expect(sold, "SOLD")
	f.expect(open, "LISTING unknown")
	f.expect(cancelled, "CANCELED")
	f.next(cancelAll(alice))
	if got := f.is(open); got != string(markets.Canceled) {
		t.Errorf("after the counter: %s", got)
	}
}

// A market without facts is an error.
func TestAnUnknownMarket(t *testing.T) {
	f, fake := test(t)
	_, err := f.chain.Read(context.Background(), fake.view(), markets.Source{Facts: "other"}, markets.Place{}, -1, 1)
	if err == nil || errors.Is(err, chains.ErrWaits) {
		t.Error(err)
	}
}

// At the block of facts, orders may be known from later ones: they are not asked about yet.
func TestOrdersThatBeginLater(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	f.next()
	fake.mine()
	fake.mine(list(o))
	f.execute("list", 3)
	f.execute("trade", 2)
	f.facts()
	if n := f.questions(); n > 0 || f.is(o) != "LISTING" {
		t.Errorf("%d questions, %s", n, f.is(o))
	}
	f.execute("trade", 3)
	f.facts()
	f.expect(o, "LISTING yes")
}

// After a restart, or more blocks than logs are read of, all open orders are asked about.
func TestAfterAGapEverythingIsAsked(t *testing.T) {
	for name, gap := range map[string]func(*follower){
		"restart": func(f *follower) { f.restart() },
		"many blocks": func(f *follower) {
			for range maxFollowed + 1 {
				f.fake.mine()
			}
		},
	} {
		f, fake := test(t)
		o := newOrder(alice, 0, 1)
		f.next(list(o))
		f.next()
		fake.mine(silently(transfer(0, bob)))
		gap(f)
		f.sync()
		if f.expect(o, "LISTING no owner"); f.questions() == 0 {
			t.Errorf("%s: nothing was asked", name)
		}
	}
}

// More new orders than are read at first.
func TestManyNewOrders(t *testing.T) {
	f, _ := test(t)
	var lists []func(*fakeBlock)
	for i := range 3 * slowPace {
		lists = append(lists, list(newOrder(alice, 0, 1).salted(i)))
	}
	f.next()
	for range 60 { // until the next round
		f.next()
	}
	f.questions()
	f.next(silently(func(b *fakeBlock) {}), func(b *fakeBlock) {
		for _, do := range lists {
			do(b)
		}
		b.logs = nil
	})
	if n := f.questions(); n != 3*slowPace {
		t.Errorf("%d of %d new orders were asked about", n, 3*slowPace)
	}
}

// A counter is a reason to ask, whatever the other streams say of it.
func TestACounterTouchesOrders(t *testing.T) {
	f, fake := test(t)
	o := newOrder(alice, 0, 1)
	f.next(list(o))
	f.next()
	f.questions()
	fake.mine(func(b *fakeBlock) {
		cancelAll(alice)(b)
		b.events = nil
	})
	f.sync()
	f.expect(o, "CANCELED")
}

// Nobody waits for a stream that is paused; if all are, nothing is asked.
func TestFactsPassOverPausedStreams(t *testing.T) {
	f, fake := test(t)
	pause := func(stream string, paused bool) {
		f.must(func() error {
			_, err := f.store.Claim(t.Context(), persistence.Claim{
				ID: testRef.Chain + "/" + testRef.Market + "/" + stream, Kind: "worker", Chain: testRef.Chain, Market: testRef.Market, Stream: stream,
				Node: "node", Epoch: f.actors["list"].Epoch, Paused: &paused,
			})
			return err
		}())
	}
	o := newOrder(alice, 0, 1)
	fake.mine(list(o))
	f.execute("list", 1)
	pause("trade", true)
	pause("list", true)
	if page, err := f.read(markets.StateStream); !errors.Is(err, chains.ErrWaits) || !strings.Contains(err.Error(), "are paused") {
		t.Fatalf("read %+v, %v although all streams are paused", page, err)
	}
	pause("list", false)
	f.facts()
	f.expect(o, "LISTING yes")
}
