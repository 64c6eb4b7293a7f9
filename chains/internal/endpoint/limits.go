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
	calls     limit                // of contracts, in one aggregate
	suspected int                  // calls of a batch that failed while its halves were answered; 0: none
	missing   map[string]time.Time // methods, and until when they are not asked for
}

// limit is the most of something that is answered. Between what was answered and what was
// refused it is found by bisection. A limit that the endpoint named, or that an error about
// nothing else showed, is kept; others are tried again after a number of successes.
type limit struct {
	named          int64 // by the endpoint; 0: none
	refusedForGood int64 // the least that was refused for its size; 0: none
	refused        int64 // the least that was refused lately, perhaps for a passing reason; 0: none
	answered       int64 // the most that was answered
	untilRetry     int64 // successes until more is tried
	retryAfter     int64 // successes needed the last time
}

const (
	minRetryAfter = 32
	maxRetryAfter = 1 << 14
)

// bound is the least amount not to ask for; 0: none.
func (l *limit) bound() int64 {
	if l.refusedForGood > 0 && (l.refused == 0 || l.refusedForGood < l.refused) {
		return l.refusedForGood
	}
	return l.refused
}

// toAsk is how much to ask for, of the amount wanted.
func (l *limit) toAsk(wanted int64) int64 {
	if l.named > 0 {
		wanted = min(wanted, l.named)
	}
	switch bound := l.bound(); {
	case bound == 0 || wanted <= l.answered:
		return wanted
	case l.settled():
		return l.answered
	default:
		return min(wanted, max(1, l.answered+(bound-l.answered)/2))
	}
}

// settled says whether the limit is known closely enough.
func (l *limit) settled() bool { return l.answered > 0 && l.bound()-l.answered <= max(1, l.answered/8) }

// refuse learns that n was refused. named is the limit that the endpoint named, 0 if none.
func (l *limit) refuse(n, named int64, lasting bool) {
	switch {
	case n <= 1, l.named > 0 && l.named < n: // it was in flight then
		return
	case named > 0 && named < n:
		l.named = named
		return
	case l.bound() > 0 && n >= l.bound(): // it was in flight then
		return
	}
	if l.untilRetry <= 0 { // more was tried, and refused
		l.retryAfter = max(minRetryAfter, min(2*l.retryAfter, maxRetryAfter))
	}
	l.untilRetry = l.retryAfter
	if lasting {
		l.refusedForGood = n
	} else {
		l.refused = n
	}
	if l.answered >= n {
		l.answered = n / 2
	}
}

// succeed learns that n was answered.
func (l *limit) succeed(n int64) {
	if l.refusedForGood > 0 {
		n = min(n, l.refusedForGood-1)
	}
	l.answered = max(l.answered, n)
	switch {
	case l.refused == 0:
	case n >= l.refused:
		l.refused = beyond(n)
	case n > l.answered/2 && l.settled():
		if l.untilRetry--; l.untilRetry <= 0 {
			l.refused = beyond(l.answered)
		}
	}
}

// beyond is an amount that is not tried yet after n was answered.
func beyond(n int64) int64 { return 4 * min(n, 1<<60) }

// Blocks is how many blocks a request may span, of the most that are wanted.
func (l *Limits) Blocks(wanted int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, l.blocks.toAsk(wanted))
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
	return max(1, int(l.batch.toAsk(int64(wanted))))
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
	if n >= l.suspected {
		l.suspected = 0
	}
}

// Addresses is how many addresses a filter may name, of the most that are wanted.
func (l *Limits) Addresses(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, int(l.addresses.toAsk(int64(wanted))))
}

// AddressesRefused learns that a filter of n addresses was refused.
func (l *Limits) AddressesRefused(n int, named int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses.refuse(int64(n), named, true)
}

// Calls is how many calls of contracts an aggregate may hold, of the most that are wanted.
func (l *Limits) Calls(wanted int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, int(l.calls.toAsk(int64(wanted))))
}

// CallsRefused learns that an aggregate of n calls was refused, perhaps for one of them.
func (l *Limits) CallsRefused(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls.refuse(int64(n), 0, false)
}

// CallsAnswered learns that an aggregate of n calls was answered.
func (l *Limits) CallsAnswered(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls.succeed(int64(n))
}

// missingFor is how long a missing method is not asked for.
const missingFor = 10 * time.Minute

// LacksMethod says whether the endpoint lately said that it does not have a method.
func (l *Limits) LacksMethod(method string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.missing[method])
}

// MarkMethodMissing learns that the endpoint does not have a method.
func (l *Limits) MarkMethodMissing(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missing == nil {
		l.missing = map[string]time.Time{}
	}
	l.missing[method] = time.Now().Add(missingFor)
}

// BatchSuspected learns that a request of n calls failed whose halves were answered. The
// second time in a row it counts as refused.
func (l *Limits) BatchSuspected(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suspected == 0 {
		l.suspected = n
		return
	}
	l.batch.refuse(int64(min(n, l.suspected)), 0, false)
	l.suspected = 0
}
