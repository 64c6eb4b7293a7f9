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
	never    int64 // the least that was refused for good; 0: none
	refused  int64 // the least that was refused lately, maybe for something passing; 0: none
	good     int64 // the most that was answered
	left     int64 // successes until more is tried
	patience int64 // the successes that were wanted the last time
}

const (
	firstPatience = 32
	mostPatience  = 1 << 14
)

// bound is the least that is not to be asked for; 0: none.
func (l *limit) bound() int64 {
	if l.never > 0 && (l.refused == 0 || l.never < l.refused) {
		return l.never
	}
	return l.refused
}

// at is how much to ask for where wanted is the most.
func (l *limit) at(wanted int64) int64 {
	if l.named > 0 {
		wanted = min(wanted, l.named)
	}
	switch bound := l.bound(); {
	case bound == 0 || wanted <= l.good:
		return wanted
	case l.settled():
		return l.good
	default:
		return min(wanted, max(1, l.good+(bound-l.good)/2))
	}
}

// settled says whether the limit is known closely enough.
func (l *limit) settled() bool { return l.good > 0 && l.bound()-l.good <= max(1, l.good/8) }

// refuse learns that n was refused. named is the limit that the endpoint named, 0 if
// none.
func (l *limit) refuse(n, named int64, lasting bool) {
	switch {
	case n <= 1, l.named > 0 && l.named < n: // what was under way when it was named
		return
	case named > 0 && named < n:
		l.named = named
		return
	case l.bound() > 0 && n >= l.bound(): // what was under way
		return
	}
	if l.left <= 0 { // more was tried in vain
		l.patience = max(firstPatience, min(2*l.patience, mostPatience))
	}
	l.left = l.patience
	if lasting {
		l.never = n
	} else {
		l.refused = n
	}
	if l.good >= n {
		l.good = n / 2
	}
}

// succeed learns that n was answered.
func (l *limit) succeed(n int64) {
	if l.never > 0 {
		n = min(n, l.never-1)
	}
	l.good = max(l.good, n)
	switch {
	case l.refused == 0:
	case n >= l.refused:
		l.refused = beyond(n)
	case n > l.good/2 && l.settled():
		if l.left--; l.left <= 0 {
			l.refused = beyond(l.good)
		}
	}
}

// beyond is how much is not tried yet after n was answered.
func beyond(n int64) int64 { return 4 * min(n, 1<<60) }

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
