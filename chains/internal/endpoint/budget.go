package endpoint

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"
)

// ErrBudget: the budget of bytes has no room for a prefetched answer.
var ErrBudget = errors.New("no memory to spare for prefetching")

// Budget bounds the bytes of answers, and of what is kept of them, over all endpoints that
// share it. A reserve as large as the largest answer goes to one answer at a time, so an
// answer that has begun can always be read to its end, even if all others hold a part of the
// budget and wait.
type Budget struct {
	common  *semaphore.Weighted
	reserve *semaphore.Weighted // of weight 1
	largest int64               // bytes of an answer; growing takes half as many again
}

// DefaultBudget is the budget, in bytes, of a process that configures none.
const DefaultBudget = 96 << 20

// maxAnswer bounds one answer, in bytes, however large the budget is.
const maxAnswer = 64 << 20

// NewBudget returns a budget of a number of bytes, 1 MiB at least.
func NewBudget(bytes int64) *Budget {
	bytes = max(bytes, 1<<20)
	reserve := min(maxAnswer*3/2+2, bytes*2/3)
	return &Budget{semaphore.NewWeighted(bytes - reserve), semaphore.NewWeighted(1), reserve*2/3 - 1}
}

// Lease is a part of a budget. It must not be used concurrently.
type Lease struct {
	budget   *Budget
	common   int64
	reserved bool
}

// grow makes the lease at least as large as bytes. It waits for room, or fails with ErrBudget
// if the context is of Prefetch.
func (l *Lease) grow(ctx context.Context, bytes int64) error {
	more := bytes - l.common
	switch {
	case l.reserved || more <= 0:
		return nil
	case l.budget.common.TryAcquire(more):
		l.common = bytes
		return nil
	case isPrefetch(ctx):
		return ErrBudget
	}
	if err := l.budget.reserve.Acquire(ctx, 1); err != nil {
		return err
	}
	l.reserved = true // for the whole answer
	l.budget.common.Release(l.common)
	l.common = 0
	return nil
}

// Release gives the lease's bytes back.
func (l *Lease) Release() {
	if l == nil || l.budget == nil {
		return
	}
	l.budget.common.Release(l.common)
	l.common = 0
	if l.reserved {
		l.reserved = false
		l.budget.reserve.Release(1)
	}
}

// TryLease returns a lease of a number of bytes, or nil if there is no room for them now.
func (b *Budget) TryLease(bytes int64) *Lease {
	if !b.common.TryAcquire(bytes) {
		return nil
	}
	return &Lease{budget: b, common: bytes}
}

type prefetchKey struct{}

// Prefetch marks requests whose answers nobody waits for yet: they take no memory for which
// others wait.
func Prefetch(ctx context.Context) context.Context {
	return context.WithValue(ctx, prefetchKey{}, true)
}

func isPrefetch(ctx context.Context) bool { return ctx.Value(prefetchKey{}) != nil }
