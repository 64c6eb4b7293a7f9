package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/persistence"
)

const (
	maxEvents = 100
	maxBytes  = 256 << 10 // of documents, of which the last one may be beyond it
	ahead     = 16        // changes that are read and not batched yet
)

// batch is the events of one delivery.
type batch struct {
	events  []event
	through string // the position after the last one, or after changes that are not wanted
}

// source reads a feed ahead.
type source struct {
	changes <-chan read
	close   func()
}

type read struct {
	change persistence.Change
	err    error
}

// errEnded means that a feed ended although its reader wants more.
var errEnded = errors.New("the feed has ended")

func newSource(ctx context.Context, feed persistence.Feed, after string, collections []string) source {
	ctx, cancel := context.WithCancel(ctx)
	changes, done := make(chan read, ahead), make(chan struct{})
	go func() {
		defer close(done)
		defer close(changes)
		for change, err := range feed.Changes(ctx, after, collections) {
			select {
			case changes <- read{change, err}:
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

// batcher makes batches of what a source reads.
type batcher struct {
	source
	hook   Hook
	settle time.Duration // after the first event others are waited for
	idle   time.Duration // after which a batch without events tells the position
	began  func()        // called at the first event of each batch
}

// next is the next batch. A planned one ends at the plan's position, if the feed still has that.
func (b batcher) next(ctx context.Context, planned string) (out batch, err error) {
	idle := time.NewTimer(b.idle)
	defer idle.Stop()
	var passed string // the position after changes that are not wanted
	var settled <-chan time.Time
	for size := 0; ; {
		select {
		case <-ctx.Done():
			return batch{}, ctx.Err()
		case <-settled:
			return out, nil
		case <-idle.C:
			if len(out.events) == 0 && passed != "" {
				return batch{through: passed}, nil
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
				passed = r.change.Position
				if r.change.Collection == "" && len(out.events) > 0 { // there is nothing more now
					return out, nil
				}
				continue
			}
			if len(out.events) == 0 {
				b.began()
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
