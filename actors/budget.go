package actors

import (
	"context"
	"slices"
	"sync"
	"time"
)

// DefaultMemory is how many bytes of decoded events the subjects of a process hold
// at most, unless configured.
const DefaultMemory = 128 << 20

// leastPage is the least that is reserved for a page whose size is not known.
const leastPage = 1 << 20

// budget bounds the bytes of the pages that all subjects of a process hold. They
// wait for their turn, first come, first served; a page larger than the whole budget
// is held when nothing else is.
type budget struct {
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

func newBudget(limit int64) *budget { return &budget{limit: limit} }

// fits says whether bytes more may be held.
func (b *budget) fits(bytes int64) bool { return b.used == 0 || b.used+bytes <= b.limit }

// admit lets in those whose turn it is.
func (b *budget) admit() {
	for len(b.queue) > 0 && b.fits(b.queue[0].bytes) {
		w := b.queue[0]
		b.queue = b.queue[1:]
		b.used += w.bytes
		close(w.granted)
	}
}

// free gives bytes back.
func (b *budget) free(bytes int64) {
	b.used -= bytes
	b.admit()
}

// wait waits for bytes.
func (b *budget) wait(ctx context.Context, bytes int64) error {
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

// contended says whether somebody waits.
func (b *budget) contended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) > 0
}

// account is what one incarnation of a subject holds of the budget. Once it is
// closed nothing is held by it but what is being read, until it has been.
type account struct {
	budget *budget
	closed bool
	shares map[*share]bool
}

func (b *budget) account() *account { return &account{budget: b, shares: map[*share]bool{}} }

// share is the bytes of one page: of who reads it, and then of all who have it.
type share struct {
	account *account
	bytes   int64
	holders int
	reading bool
	begun   time.Time
}

// acquire waits for the bytes of a page that is about to be read.
func (a *account) acquire(ctx context.Context, bytes int64) (*share, error) {
	if err := a.budget.wait(ctx, bytes); err != nil {
		return nil, err
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	s := &share{a, bytes, 1, true, time.Now()}
	a.shares[s] = true
	return s, nil
}

// close gives back all that is not being read.
func (a *account) close() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.closed = true
	for s := range a.shares {
		if !s.reading {
			s.end()
		}
	}
}

// lend gives back the bytes of what has been being read since long ago: the
// endpoint, and not the page, may be what takes so long.
func (a *account) lend(before time.Time) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	for s := range a.shares {
		if s.reading && s.begun.Before(before) {
			a.budget.free(s.bytes)
			s.bytes = 0
		}
	}
}

// resize sets the bytes to what the page really has. It says whether there is room
// for them; if not, nothing changes.
func (s *share) resize(bytes int64) bool {
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

// read notes that the page has been read, whatever came of it.
func (s *share) read() {
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	s.reading = false
	if s.account.closed {
		s.end()
	}
}

// retain has the page held once more.
func (s *share) retain() *share {
	if s == nil {
		return nil
	}
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	s.holders++
	return s
}

// release has the page held once less. A page without a share takes no room.
func (s *share) release() {
	if s == nil {
		return
	}
	s.account.budget.mu.Lock()
	defer s.account.budget.mu.Unlock()
	if s.holders--; s.holders == 0 {
		s.end()
	}
}

// end gives the bytes back, once.
func (s *share) end() {
	if s.account.shares[s] {
		delete(s.account.shares, s)
		s.account.budget.free(s.bytes)
	}
}
