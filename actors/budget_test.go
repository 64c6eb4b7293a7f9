package actors

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// holder is a share that a test knows is held.
type holder struct {
	account *account
	share   *share
	holders int
	reading bool
}

// Whatever readers do, the budget holds what is held, is exceeded by a single holder
// only, lets in whom it has room for in the order in which they came, and has nothing
// left in the end.
func TestTheBudgetOfPages(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(t *testing.T) { tryBudget(t, r) })
	})
}

func tryBudget(t *testing.T, r *rapid.T) {
	const limit = 100
	b := newBudget(limit)
	accounts := []*account{b.account(), b.account(), b.account()}
	var held []*holder
	type asked struct {
		account *account
		bytes   int64
		cancel  context.CancelFunc
		share   *share
		err     error
		done    bool
	}
	var queue []*asked
	check := func() {
		synctest.Wait()
		for _, q := range queue {
			if q.done && q.share != nil {
				held = append(held, &holder{q.account, q.share, 1, true})
			}
		}
		waiting := queue[:0:0]
		for _, q := range queue {
			if !q.done {
				waiting = append(waiting, q)
			} else if q.err != nil && !errors.Is(q.err, context.Canceled) {
				r.Fatal(q.err)
			}
		}
		queue = waiting
		var used, holders int64
		for _, h := range held {
			if used += h.share.bytes; h.share.bytes > 0 {
				holders++
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.used != used {
			r.Fatalf("%d bytes used, %d held", b.used, used)
		}
		if used > limit && holders > 1 {
			r.Fatalf("%d holders have %d bytes", holders, used)
		}
		if len(b.queue) != len(queue) {
			r.Fatalf("%d wait, want %d", len(b.queue), len(queue))
		}
		if len(b.queue) > 0 && (b.queue[0].bytes != queue[0].bytes || b.fits(b.queue[0].bytes)) {
			r.Fatalf("the first of the queue wants %d, the first that asked %d, with %d used", b.queue[0].bytes, queue[0].bytes, used)
		}
	}
	forget := func(gone func(*holder) bool) {
		left := held[:0:0]
		for _, h := range held {
			if !gone(h) {
				left = append(left, h)
			}
		}
		held = left
	}
	any := func() *holder { return held[rapid.IntRange(0, len(held)-1).Draw(r, "holder")] }
	r.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) { check() },
		"acquire": func(r *rapid.T) {
			ctx, cancel := context.WithCancel(t.Context())
			q := &asked{account: accounts[rapid.IntRange(0, 2).Draw(r, "account")], bytes: rapid.Int64Range(1, 150).Draw(r, "bytes"), cancel: cancel}
			queue = append(queue, q)
			go func() {
				q.share, q.err = q.account.acquire(ctx, q.bytes)
				q.done = true
			}()
			synctest.Wait()
		},
		"cancel": func(r *rapid.T) {
			if len(queue) == 0 {
				r.Skip()
			}
			queue[rapid.IntRange(0, len(queue)-1).Draw(r, "asked")].cancel()
		},
		"resize": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h, bytes := any(), rapid.Int64Range(0, 200).Draw(r, "bytes")
			before, used := h.share.bytes, b.used
			fits := used-before+bytes <= limit || used == before || bytes <= before
			if got := h.share.resize(bytes); got != fits || got && h.share.bytes != bytes || !got && h.share.bytes != before {
				r.Fatalf("resized from %d of %d to %d: %t, %d", before, used, bytes, got, h.share.bytes)
			}
		},
		"read": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h := any()
			h.share.read()
			h.reading = false
			if h.account.closed {
				forget(func(o *holder) bool { return o == h })
			}
		},
		"retain": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h := any()
			h.share.retain()
			h.holders++
		},
		"release": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h := any()
			h.share.release()
			if h.holders--; h.holders == 0 {
				forget(func(o *holder) bool { return o == h })
			}
		},
		"lend": func(r *rapid.T) {
			accounts[rapid.IntRange(0, 2).Draw(r, "account")].lend(time.Now().Add(time.Second))
		},
		"close": func(r *rapid.T) {
			i := rapid.IntRange(0, 2).Draw(r, "account")
			old := accounts[i]
			old.close()
			forget(func(h *holder) bool { return h.account == old && !h.reading })
			accounts[i] = b.account()
		},
	})
	for _, q := range queue {
		q.cancel()
	}
	check()
	for _, a := range accounts {
		a.close()
	}
	for _, h := range held {
		h.account.close()
		h.share.read()
	}
	synctest.Wait()
	if b.used != 0 || len(b.queue) != 0 {
		r.Fatalf("%d bytes are held for ever, %d wait", b.used, len(b.queue))
	}
}

// What an endpoint does not answer takes no room from streams that could go on.
func TestAReadThatHangsLeavesRoomForOthers(t *testing.T) {
	w := calm(t, "list", "buy")
	w.memory = leastPage // for one page at a time
	w.chain.fail("buy", errHang)
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	for range 3 {
		w.mine(block(listed("a", "9")))
		w.eventually("the other stream at the head", func() bool {
			return w.actors()["chain/market/list/order-list"].Place == w.chain.head()
		})
	}
	w.chain.fail("buy", nil)
	w.fail("chain/market/buy/subject") // or the read would hang for ever
	w.mustCheck()
}

// Pages of a branch that is left take no room any more.
func TestPagesOfAnAbandonedBranchAreGivenUp(t *testing.T) {
	w := calm(t, "buy")
	w.chain.single, w.chain.finality = true, 10
	for range 6 {
		w.mine(block(bought("a", "1")))
	}
	h := w.gates.hold("chain/market/buy/" + activity)
	w.boot()
	<-h.arrived
	w.eventually("the window is full", func() bool { return w.chain.readings() >= 3 })
	w.chain.fork(6)
	for range 7 {
		w.mine(block(bought("a", "2")))
	}
	w.eventually("the head's new view", func() bool { return w.actors()["chain/head"].Hash == w.chain.head().Hash })
	h.release()
	w.mustCheck()
}

// Pages that nobody takes take no room from streams that could go on.
func TestPagesThatNobodyTakesLeaveRoomForOthers(t *testing.T) {
	w := calm(t, "list", "buy")
	w.memory = leastPage
	var well atomic.Bool
	w.gates.Store = before{w.gates.Store, func(actor string) {
		if actor == "chain/market/buy/"+activity && !well.Load() {
			panic("never")
		}
	}}
	w.mine(block(listed("a", "9")), block(bought("a", "1")))
	w.boot()
	for range 3 {
		w.mine(block(listed("a", "9")))
		w.eventually("the other stream at the head", func() bool {
			return w.actors()["chain/market/list/order-list"].Place == w.chain.head()
		})
	}
	well.Store(true)
	w.mustCheck()
}

// A page for which there is no room is read again when there is, and is not counted as
// less than it was.
func TestAPageThatIsLargerThanItsRoom(t *testing.T) {
	w := calm(t)
	w.memory = 3 * leastPage
	w.chain.padding = leastPage / 2
	for range 8 {
		w.mine(block(listed("a", "9"), listed("b", "1"), bought("a", "1"), bought("b", "1"), delisted("c"), cancelled()))
	}
	w.boot()
	w.mustCheck()
	w.unharmed("")
}
