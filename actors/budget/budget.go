// Package budget bounds the memory that the pages of a process take: what its streams
// have read from their chains and not executed yet.
//
// A reader acquires a share before it reads a page, of the size that it expects, and
// resizes it to what the page really has. Every holder of the page retains the share, and
// the last release returns the bytes. With 96 MiB, pages of 8 MiB and twenty
// streams, twelve are read at a time and the others wait.
//
// Guaranteed:
//   - the bytes of all shares are within the limit, except for a single page that is
//     larger than that: it is held when nothing else is;
//   - readers are served in the order in which they asked;
//   - a subject whose account is closed holds nothing, except for the page that it is
//     reading, until it has been read.
package budget

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Budget is the memory of a process for pages. Its methods, and those of accounts and
// shares, may be called from many goroutines.
type Budget struct {
	mu    sync.Mutex
	limit int64
	used  int64
	queue []*waiter
}

// waiter waits for a share.
type waiter struct {
	bytes   int64
	granted chan struct{} // closed once its bytes are in used
}

// New returns a budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// fits reports whether bytes more may be held.
func (b *Budget) fits(bytes int64) bool { return b.used == 0 || b.used+bytes <= b.limit }

// admit lets in those whose turn it is.
func (b *Budget) admit() {
	for len(b.queue) > 0 && b.fits(b.queue[0].bytes) {
		w := b.queue[0]
		b.queue = b.queue[1:]
		b.used += w.bytes
		close(w.granted)
	}
}

// free gives bytes back.
func (b *Budget) free(bytes int64) {
	b.used -= bytes
	b.admit()
}

// wait waits for bytes.
func (b *Budget) wait(ctx context.Context, bytes int64) error {
	w := &waiter{bytes, make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, w)
	b.admit()
	b.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.queue, w); i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
		b.admit()
	} else {
		b.free(bytes)
	}
	return context.Cause(ctx)
}

// Idle reports whether nothing is held and no reader waits.
func (b *Budget) Idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used == 0 && len(b.queue) == 0
}

// Contended reports whether a reader waits.
func (b *Budget) Contended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) > 0
}

// Account is what one incarnation of a subject holds of the budget.
type Account struct {
	budget *Budget
	closed bool
	shares map[*Share]bool
}

// Account opens an account.
func (b *Budget) Account() *Account { return &Account{budget: b, shares: map[*Share]bool{}} }

// Share is the bytes of one page: first of its reader, then of every holder of the page.
type Share struct {
	account *Account
	bytes   int64
	holders int
	reading bool
	started time.Time
}

// Acquire waits for the bytes of a page that is about to be read.
func (a *Account) Acquire(ctx context.Context, bytes int64) (*Share, error) {
	if err := a.budget.wait(ctx, bytes); err != nil {
		return nil, err
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	s := &Share{a, bytes, 1, true, time.Now()}
	a.shares[s] = true
	return s, nil
}

// Close gives back all that is not being read.
func (a *Account) Close() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.closed = true
	for s := range a.shares {
		if !s.reading {
			s.giveBack()
		}
	}
}

// Lend gives back the bytes of pages whose reading started before a time: the endpoint,
// and not the size of the page, may be what takes so long.
func (a *Account) Lend(before time.Time) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	for s := range a.shares {
		if s.reading && s.started.Before(before) {
			a.budget.free(s.bytes)
			s.bytes = 0
		}
	}
}

// Resize sets the bytes to what the page really has. It reports whether there is room
// for them; if not, nothing changes.
func (s *Share) Resize(bytes int64) bool {
	b := s.account.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if more := bytes - s.bytes; more > 0 && b.used != s.bytes && b.used+more > b.limit {
		return false
	}
	b.used += bytes - s.bytes
	s.bytes = bytes
	b.admit()
	return true
}

// Read notes that the page has been read, whatever the result.
func (s *Share) Read() {
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	s.reading = false
	if s.account.closed {
		s.giveBack()
	}
}

// Retain adds a holder of the page. A nil share takes no room.
func (s *Share) Retain() *Share {
	if s == nil {
		return nil
	}
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	s.holders++
	return s
}

// Release removes a holder of the page; with the last one the bytes are given back.
func (s *Share) Release() {
	if s == nil {
		return
	}
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	if s.holders--; s.holders == 0 {
		s.giveBack()
	}
}

// giveBack gives the bytes back, once.
func (s *Share) giveBack() {
	if s.account.shares[s] {
		delete(s.account.shares, s)
		s.account.budget.free(s.bytes)
	}
}
