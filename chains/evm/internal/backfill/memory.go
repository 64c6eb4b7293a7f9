package backfill

import (
	"context"
	"time"
)

// backpressure have sources that read ahead of others leave them the memory: else windows that
// the slow ones still need would be fetched again for them alone.
type backpressure struct {
	outOfMemory bool                 // a window was not kept, and none was released since
	freed       chan struct{}        // closed when one is released
	lastRead    map[string]time.Time // by source, when it last read on
}

// stalledAfter is how long a source may stand still while others wait for it.
const stalledAfter = time.Second

// mustWait says whether a source is to wait for those behind it, which read on and make
// room.
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

// release gives back what a window takes.
func (b *Windows) release(w *window) {
	if w.lease == nil {
		return
	}
	w.lease.Release()
	w.lease, b.outOfMemory = nil, false
	close(b.freed)
	b.freed = make(chan struct{})
}

// waitForMemory waits until there may be room, or those that were waited for stand still.
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
