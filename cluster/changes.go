package cluster

import (
	"context"
	"sync"
	"time"
)

// A watch that is lost is opened again after a pause that grows up to a bound.
const (
	firstWatchPause = 100 * time.Millisecond
	maxWatchPause   = 10 * time.Second
	// watchFailures is how many attempts to open it fail in a row before that is said.
	watchFailures = 5
)

// changes wakes the goroutines that wait for a change in the registry.
type changes struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that is closed at the next change.
func (c *changes) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}

func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// watch lets changes in the registry wake this node, until the context ends. While there
// is no watch, changes are seen by polling.
func (c *Coordinator) watch(ctx context.Context) {
	said := false
	for pause, failures := firstWatchPause, 0; ; pause = min(2*pause, maxWatchPause) {
		opened := false
		err := c.cfg.Registry.Watch(ctx, func() {
			opened = true
			if said {
				said = false
				c.cfg.Log.Info("changes in MongoDB are watched again")
			}
			c.lookAgain()
			c.changes.tell()
			c.cfg.Changed()
		})
		if ctx.Err() != nil {
			return
		}
		if failures++; opened {
			pause, failures = firstWatchPause, 0
		}
		c.cfg.Log.Debug("the watch for changes in MongoDB has ended, opening it again", "reason", err, "in", pause)
		if !said && failures >= watchFailures && c.Ready() == nil {
			said = true
			c.cfg.Log.Warn("changes in MongoDB cannot be watched: chains move a moment later than they could", "reason", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
