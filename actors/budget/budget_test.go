package budget

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// holder is a share that a test knows is held.
type holder struct {
	account *Account
	share   *Share
	holders int
	reading bool
}

// The budget has the sum of all shares, is exceeded only by a single holder, admits readers
// in the order of their requests, and is empty in the end.
func TestTheBudgetOfPages(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(t *testing.T) { tryBudget(t, r) })
	})
}

func tryBudget(t *testing.T, r *rapid.T) {
	const limit = 100
	b := New(limit)
	accounts := []*Account{b.Account(), b.Account(), b.Account()}
	var held []*holder
	type asked struct {
		account *Account
		bytes   int64
		cancel  context.CancelFunc
		share   *Share
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
				q.share, q.err = q.account.Acquire(ctx, q.bytes)
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
			if got := h.share.Resize(bytes); got != fits || got && h.share.bytes != bytes || !got && h.share.bytes != before {
				r.Fatalf("resized from %d of %d to %d: %t, %d", before, used, bytes, got, h.share.bytes)
			}
		},
		"read": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h := any()
			h.share.Read()
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
			h.share.Retain()
			h.holders++
		},
		"release": func(r *rapid.T) {
			if len(held) == 0 {
				r.Skip()
			}
			h := any()
			h.share.Release()
			if h.holders--; h.holders == 0 {
				forget(func(o *holder) bool { return o == h })
			}
		},
		"lend": func(r *rapid.T) {
			accounts[rapid.IntRange(0, 2).Draw(r, "account")].Lend(time.Now().Add(time.Second))
		},
		"close": func(r *rapid.T) {
			i := rapid.IntRange(0, 2).Draw(r, "account")
			old := accounts[i]
			old.Close()
			forget(func(h *holder) bool { return h.account == old && !h.reading })
			accounts[i] = b.Account()
		},
	})
	for _, q := range queue {
		q.cancel()
	}
	check()
	for _, a := range accounts {
		a.Close()
	}
	for _, h := range held {
		h.account.Close()
		h.share.Read()
	}
	synctest.Wait()
	if b.used != 0 || len(b.queue) != 0 {
		r.Fatalf("%d bytes are held for ever, %d wait", b.used, len(b.queue))
	}
}
