package backfill

import (
	"context"
	"time"
)

// backpressure makes sources that are ahead wait for those behind when memory is short: else
// windows that the slower ones still need would be dropped and fetched again for each of them.
type backpressure struct {
	outOfMemory bool                 // a window could not be kept, and none was released since
	freed       chan struct{}        // closed when a window is released
	lastRead    map[string]time.Time // by source: when it last made progress
}

// stalledAfter is how long a source may make no progress while others wait for it.
const stalledAfter = time.Second

// mustWait says whether a source must wait for those behind it, which free memory as they read
// on.
func (b *Windows) mustWait(key string) bool {
	if !b.outOfMemory {
		return false
	}
	for other, at := range b.positions {
		if at < b.positions[key] && time.Since(b.lastRead[other]) < stalledAfter {
			return true
		}
	}
	return false
}

// release returns a window's memory to the budget.
func (b *Windows) release(w *window) {
	if w.lease == nil {
		return
	}
	w.lease.Release()
	w.lease, b.outOfMemory = nil, false
	close(b.freed)
	b.freed = make(chan struct{})
}

// waitForMemory waits until memory may have been freed, or the sources that hold it may have
// stalled.
func waitForMemory(ctx context.Context, room <-chan struct{}) error {
	timer := time.NewTimer(stalledAfter / 4)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-room:
	case <-timer.C:
	}
	return nil
}
