package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/persistence"
)

const (
	maxEvents = 100
	maxBytes  = 256 << 10 // of documents; the last one may exceed it
	readAhead = 16        // changes that are read before they are batched
)

// batch is the events of one delivery.
type batch struct {
	events  []event
	through string // the position after the last event, or after changes without events
}

// source reads ahead in a feed.
type source struct {
	changes <-chan result
	close   func()
}

// result is a change of a feed, or the error with which it ended.
type result struct {
	change persistence.Change
	err    error
}

// errEnded means that a feed ended without an error.
var errEnded = errors.New("the feed has ended")

func newSource(ctx context.Context, feed persistence.Feed, after string, collections []string) source {
	ctx, cancel := context.WithCancel(ctx)
	changes, done := make(chan result, readAhead), make(chan struct{})
	go func() {
		defer close(done)
		defer close(changes)
		for change, err := range feed.Changes(ctx, after, collections) {
			select {
			case changes <- result{change, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return source{changes: changes, close: func() {
		cancel()
		<-done
	}}
}

// batcher groups the changes of a source into batches.
type batcher struct {
	source
	hook    Hook
	settle  time.Duration // how long to wait for further events after the first one
	idle    time.Duration // after which a batch without events advances the position
	onFirst func()        // called at the first event of each batch
}

// next returns the next batch. If one is planned, it ends at the planned position, provided
// that the feed still has it.
func (b batcher) next(ctx context.Context, planned string) (out batch, err error) {
	idle := time.NewTimer(b.idle)
	defer idle.Stop()
	var skipped string // the position after changes without events
	var settled <-chan time.Time
	for size := 0; ; {
		select {
		case <-ctx.Done():
			return batch{}, ctx.Err()
		case <-settled:
			return out, nil
		case <-idle.C:
			if len(out.events) == 0 && skipped != "" {
				return batch{through: skipped}, nil
			}
			idle.Reset(b.idle)
		case r, open := <-b.changes:
			if !open {
				return batch{}, errEnded
			}
			if r.err != nil {
				return batch{}, r.err
			}
			e, wanted := b.hook.event(r.change)
			if !wanted {
				skipped = r.change.Position
				if r.change.Collection == "" && len(out.events) > 0 { // the end of the feed
					return out, nil
				}
				continue
			}
			if len(out.events) == 0 {
				b.onFirst()
				if planned == "" {
					settled = time.After(b.settle)
				}
			}
			out.events, out.through = append(out.events, e), e.Position
			if size += len(e.Document); len(out.events) == maxEvents || size >= maxBytes || e.Position == planned {
				return out, nil
			}
		}
	}
}
