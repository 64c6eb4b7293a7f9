package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/persistence"
)

// health is how this node's membership is.
type health struct {
	member  bool
	leaving bool
	since   time.Time // since when the registry does not answer; zero if it does
	said    bool      // it has not for long enough to be said
	reason  error
}

// Ready returns nil if this node is a member of the cluster and reaches the registry,
// or else says why not.
func (c *Coordinator) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h := c.health; {
	case h.leaving:
		return errors.New("leaving the cluster")
	case h.said:
		return fmt.Errorf("MongoDB has not answered for %s: %w", time.Since(h.since).Round(time.Second), h.reason)
	case !h.member:
		return errNotMember
	}
	return nil
}

// stalled is how long the coordinator may be about one thing: every call that it waits for
// is bounded, by less in all.
const stalled = time.Minute

// Alive returns an error if the coordinator is stalled, which only a new process can
// mend.
func (c *Coordinator) Alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := time.Since(c.turned); !c.turned.IsZero() && since > stalled {
		return fmt.Errorf("the cluster's coordinator has been stalled for %s", since.Round(time.Second))
	}
	return nil
}

// leaves notes that this node is about to end.
func (c *Coordinator) leaves() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health.leaving = true
}

// present notes that the registry answers.
func (c *Coordinator) present() {
	c.mu.Lock()
	before := c.health
	c.health = health{member: c.member, leaving: c.leaving}
	c.mu.Unlock()
	if before.said {
		c.cfg.Log.Info("MongoDB answers again", outage.Lasted, time.Since(before.since).Round(time.Millisecond))
	}
}

// away notes that the registry has not answered a call. It is said when that has
// lasted for as long as others take for death.
func (c *Coordinator) away(ctx context.Context, begun time.Time, err error) {
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	h := &c.health
	if h.since.IsZero() {
		h.since = begun
	}
	say := !h.said && time.Since(h.since) >= c.cfg.TTL
	h.member, h.leaving, h.reason, h.said = c.member, c.leaving, err, h.said || say
	c.mu.Unlock()
	if say {
		c.cfg.Log.Error("MongoDB does not answer; the chains go on by themselves when it does", "reason", err)
	}
}

// skewed is from how much a clock is wrong.
const skewed = time.Minute

// checkClock says once if this machine's clock is wrong. Nothing depends on it but
// what people read.
func (c *Coordinator) checkClock(me persistence.Node) {
	ahead := me.Clock.Sub(me.SeenAt)
	if wrong := ahead.Abs() > skewed; wrong != c.warned["clock"] {
		c.warned["clock"] = wrong
		if wrong {
			c.cfg.Log.Warn("this machine's clock and MongoDB's differ: nothing depends on it but the times in logs and in status; set it by NTP",
				"ahead", ahead.Round(time.Second))
		}
	}
}
