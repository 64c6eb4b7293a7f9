package actors

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// signalledWorld is a world in which new heads are noticed only by the chain's signals: no
// timer expires within a test.
func signalledWorld(t *testing.T) *world {
	w := calm(t, "list", "buy")
	w.chain.signals = make(chan struct{})
	w.poll, w.tick, w.abreast = time.Hour, time.Hour, time.Hour
	w.mine(block(listed("a", "9")), block(bought("a", "1")), block(), block())
	return w
}

// From a signalled head to the documents no timer runs.
func TestASignalledHeadIsExecutedAtOnce(t *testing.T) {
	w := signalledWorld(t)
	var mu sync.Mutex
	durable := map[int64]time.Time{} // by height, when the last of the documents were
	w.gates.Store = after{w.gates.Store, func(m persistence.Move) {
		if m.Actor.ID == "chain/market/buy/order-buy" {
			mu.Lock()
			defer mu.Unlock()
			durable[m.To.Seq] = time.Now()
		}
	}}
	w.boot()
	w.mustCheck()
	var took []time.Duration
	for range 100 {
		w.mine(block(listed("b", "1"), bought("a", "1")))
		known := time.Now()
		w.chain.signal()
		w.mustSettle()
		mu.Lock()
		took = append(took, durable[w.chain.height()].Sub(known))
		mu.Unlock()
	}
	w.mustCheck()
	slices.Sort(took)
	t.Logf("from the head to the documents: median %v, 99 of 100 within %v", took[50], took[98])
}

// after is a store that reports its commits.
type after struct {
	persistence.Store
	committed func(first persistence.Move)
}

func (a after) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	err := a.Store.Commit(ctx, ref, moves, do)
	if err == nil {
		a.committed(moves[0])
	}
	return err
}

// A head actor that has ended hears no signal that the next one should hear.
func TestSignalsReachTheHeadThatLives(t *testing.T) {
	w := signalledWorld(t)
	w.boot()
	w.mustCheck()
	for n := range int64(5) {
		w.fail("chain/head")
		w.eventually("the head's restart", func() bool { return w.actors()["chain/head"].Restarts > n })
		w.mine(block(bought("a", "1")))
		w.chain.signal()
		w.mustSettle()
	}
}

// A head that is signalled during a look is looked at after it.
func TestASignalDuringALookIsNotLost(t *testing.T) {
	w := signalledWorld(t)
	slow := &slowHeads{fakeChain: w.chain}
	w.reads = slow
	w.boot()
	w.mustCheck()
	g := slow.hold()
	w.chain.signal()
	<-g.arrived // and this look has seen the old head
	w.mine(block(bought("a", "1")))
	w.chain.signal()
	w.chain.signal() // so that the one before has been heard
	g.release()
	w.mustCheck()
}

// slowHeads is a chain that can hold an answer of where its head is.
type slowHeads struct {
	*fakeChain
	mu   sync.Mutex
	held *gate
}

func (c *slowHeads) hold() *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = newGate(0)
	return c.held
}

// Advance is the chain's, answered late.
func (c *slowHeads) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	view, err := c.fakeChain.Advance(ctx, known)
	c.mu.Lock()
	g := c.held
	c.held = nil
	c.mu.Unlock()
	if g != nil {
		close(g.arrived)
		<-g.open
		close(g.through)
	}
	return view, err
}

// flakyChain fails one request of several.
type flakyChain struct {
	*fakeChain
	every         int64
	asked, failed atomic.Int64
}

func (c *flakyChain) fails() error {
	if c.asked.Add(1)%c.every == 0 {
		c.failed.Add(1)
		return errHurt
	}
	return nil
}

func (c *flakyChain) Advance(ctx context.Context, known *chains.View) (*chains.View, error) {
	if err := c.fails(); err != nil {
		return nil, err
	}
	return c.fakeChain.Advance(ctx, known)
}

func (c *flakyChain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if err := c.fails(); err != nil {
		return chains.Page{}, err
	}
	return c.fakeChain.Read(ctx, view, source, after, through, limit)
}

// Signals that are closed are polled for, and nothing spins.
func TestHeadsThatAreSignalledNoMore(t *testing.T) {
	w := signalledWorld(t)
	w.poll = time.Millisecond
	close(w.chain.signals)
	w.boot()
	w.mustCheck()
	w.mine(block(bought("a", "1")))
	w.mustCheck()
}

// One request of twenty fails, at the head too. The head and the streams go on at the
// pace of the chain: no failure slows those down that come long after it.
func TestFailuresNowAndThenDoNotSlowDown(t *testing.T) {
	w := calm(t, "list", "buy")
	flaky := &flakyChain{fakeChain: w.chain, every: 7}
	w.reads = flaky
	w.boot()
	for range 60 {
		w.mine(block(listed("a", "5"), bought("a", "1")))
		w.mustSettle()
	}
	w.mustCheck()
	w.unharmed("") // no actor was restarted
	if n := w.node.strategy.Failures.Get("chain/head"); n.InARow != 0 || n.Pending != 0 {
		t.Errorf("the head counts %+v", n)
	}
	if flaky.failed.Load() < 20 {
		t.Errorf("only %d requests have failed", flaky.failed.Load())
	}
}

// What has been read ahead is not dropped when reading fails.
func TestWhatWasReadIsKeptWhenReadingFails(t *testing.T) {
	w := calm(t, "buy")
	w.chain.single = true
	for range 30 {
		w.mine(block(bought("a", "1")))
	}
	h := w.gates.hold("chain/market/buy/" + activity)
	w.boot()
	<-h.arrived
	w.eventually("the window is full", func() bool { return w.chain.readings() >= 3 })
	w.chain.fail("buy", errHurt)
	h.release()
	at := func() markets.Place { return w.actors()["chain/market/buy/"+activity].Place }
	w.eventually("it fails", func() bool { return w.state("chain/market/buy/subject") == persistence.Retrying })
	w.eventually("what was read is executed all the same", func() bool { return at().Seq >= 3 })
	w.chain.fail("buy", nil)
	w.mustCheck()
	w.unharmed("")
}

func TestSuccessEndsARowOfFailedAttempts(t *testing.T) {
	var a attempt
	backoff := supervision.Backoff{Min: time.Second / 2, Max: time.Minute}
	for n := 1; n <= 3; n++ {
		if d, least := a.failed(errHurt, backoff, 0), backoff.Min<<(n-1); d < least || d > least*3/2 {
			t.Errorf("failure %d: again in %v", n, d)
		}
	}
	for range 10 {
		if d := a.failed(errHurt, backoff, 0); d > lastRetry {
			t.Errorf("again in %v only", d)
		}
	}
	a.succeeded()
	if d := a.failed(errHurt, backoff, 0); d > backoff.Min*3/2 {
		t.Errorf("after a success: again in %v", d)
	}
}
