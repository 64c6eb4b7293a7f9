package endpoint

import (
	"sync"
	"time"
)

// Limits are what an endpoint was seen to take in one request.
type Limits struct {
	mu        sync.Mutex
	batch     limit
	blocks    limit
	addresses limit
	doubted   int                  // calls of a batch that failed while its parts were answered; 0: none
	missing   map[string]time.Time // methods, until when they are not asked for
}

// limit is the most of something that is answered. Between what was answered and what
// was refused it is found by bisection. A limit that the endpoint named, or that is
// about nothing else, is kept; others are tried again after a while.
type limit struct {
	named    int64 // by the endpoint; 0: none
	good     int64 // the most that was answered
	refused  int64 // the least that was refused, 0 if none
	lasting  bool  // the refusal will be the same again
	left     int64 // successes until more is tried
	patience int64 // the successes that were wanted the last time
}

// at is how much to ask for where wanted is the most.
func (l *limit) at(wanted int64) int64 {
	if l.named > 0 {
		wanted = min(wanted, l.named)
	}
	switch {
	case l.refused == 0 || wanted < l.refused && wanted <= l.good:
		return wanted
	case l.settled():
		return min(wanted, l.good)
	}
	return min(wanted, max(1, (l.good+l.refused)/2))
}

// settled says whether the limit is known closely enough.
func (l *limit) settled() bool { return l.good > 0 && l.refused-l.good <= max(1, l.good/8) }

const firstPatience = 32

// refuse learns that n was refused. named is the limit that the endpoint named, 0 if
// none.
func (l *limit) refuse(n, named int64, lasting bool) {
	switch {
	case n <= 1, l.named > 0 && l.named < n: // what was under way when it was named
		return
	case named > 0 && named < n:
		l.named = named
		return
	}
	if l.refused == 0 || n < l.refused {
		l.refused, l.lasting = n, lasting
	}
	if l.good >= l.refused {
		l.good = l.refused / 2
	}
	l.patience = max(firstPatience, min(2*l.patience, 1<<20))
	l.left = l.patience
}

// succeed learns that n was answered.
func (l *limit) succeed(n int64) {
	if n > l.good {
		l.good = n
	}
	if l.refused == 0 || n < l.refused && !l.settled() {
		return
	}
	if n >= l.refused {
		l.refused = 0
		return
	}
	if l.left--; l.left <= 0 && !l.lasting {
		l.refused = 4 * l.good
	}
}

// Blocks is how many blocks a request may span, of the most that are wanted.
func (l *Limits) Blocks(wanted int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, l.blocks.at(wanted))
}

// BlocksRefused learns that a range of n blocks was refused.
func (l *Limits) BlocksRefused(n int64, r Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	named := int64(0)
	if r.Class == RangeTooLarge {
		named = r.Limit
	}
	l.blocks.refuse(n, named, r.Class == RangeTooLarge)
}

// BlocksAnswered learns that a range of n blocks was answered.
func (l *Limits) BlocksAnswered(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks.succeed(n)
}

// Batch is how many calls a request may hold, of the most that are wanted.
func (l *Limits) Batch(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, int(l.batch.at(int64(wanted))))
}

// BatchRefused learns that a request of n calls was refused.
func (l *Limits) BatchRefused(n int, named int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.refuse(int64(n), named, true)
}

// BatchAnswered learns that a request of n calls was answered.
func (l *Limits) BatchAnswered(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.succeed(int64(n))
	if n >= l.doubted {
		l.doubted = 0
	}
}

// Addresses is how many addresses a filter may name, of the most that are wanted.
func (l *Limits) Addresses(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, int(l.addresses.at(int64(wanted))))
}

// AddressesRefused learns that a filter of n addresses was refused.
func (l *Limits) AddressesRefused(n int, named int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses.refuse(int64(n), named, true)
}

// missingFor is how long a method that an endpoint does not have is not asked for.
const missingFor = 10 * time.Minute

// Lacks says whether the endpoint lately said that it does not have a method.
func (l *Limits) Lacks(method string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.missing[method])
}

// MethodMissing learns that the endpoint does not have a method.
func (l *Limits) MethodMissing(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missing == nil {
		l.missing = map[string]time.Time{}
	}
	l.missing[method] = time.Now().Add(missingFor)
}

// BatchDoubted learns that a request of n calls failed, whose parts were answered. The
// second time in a row it counts as refused.
func (l *Limits) BatchDoubted(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doubted == 0 {
		l.doubted = n
		return
	}
	l.batch.refuse(int64(min(n, l.doubted)), 0, false)
	l.doubted = 0
}
