package evm

import (
	"context"
	"time"
)

// turns have sources that read ahead of others leave them the memory: else windows that
// the slow ones still need would be fetched again for them alone.
type turns struct {
	full  bool                 // a window was not kept, and none was released since
	room  chan struct{}        // closed when one is released
	moved map[string]time.Time // by source, when it last read on
}

// slow is how long a source may stand still while others wait for it.
const slow = time.Second

// yields says whether a source is to wait for those behind it, which read on and make
// room.
func (b *backfill) yields(key string) bool {
	if !b.full {
		return false
	}
	for other, at := range b.at {
		if at < b.at[key] && time.Since(b.moved[other]) < slow {
			return true
		}
	}
	return false
}

// release gives back what a window takes.
func (b *backfill) release(w *window) {
	if w.lease == nil {
		return
	}
	w.lease.Release()
	w.lease, b.full = nil, false
	close(b.room)
	b.room = make(chan struct{})
}

// waitFor waits until there may be room, or those that were waited for stand still.
func waitFor(ctx context.Context, room <-chan struct{}) error {
	timer := time.NewTimer(slow / 4)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-room:
	case <-timer.C:
	}
	return nil
}
