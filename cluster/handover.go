package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/persistence"
)

// acquire makes a free chain this node's own, and runs it.
func (c *Coordinator) acquire(seen persistence.Lease) {
	o := &ownership{phase: acquiring}
	c.owned[seen.Chain] = o
	node, begun := c.me.ID, time.Now()
	c.beside(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
		defer cancel()
		lease, err := c.cfg.Registry.Acquire(ctx, seen, node)
		return func() { c.acquired(o, seen, lease, err, time.Since(begun)) }
	})
}

func (c *Coordinator) acquired(o *ownership, seen, lease persistence.Lease, err error, took time.Duration) {
	current := c.owned[seen.Chain] == o
	if current && (err != nil || c.leaving) {
		delete(c.owned, seen.Chain)
	}
	if err != nil && !errors.Is(err, persistence.ErrLeaseChanged) { // at the next heartbeat: an immediate retry would fail as fast as it can
		c.cfg.Log.Warn("a chain could not be taken, trying again", "chain", seen.Chain, "reason", err)
		return
	}
	c.lookAgain()
	switch {
	case err != nil:
	case !current || c.leaving: // too late
		c.release(lease)
	default:
		o.lease, o.phase = lease, running
		c.cfg.Metrics.Owned(lease.Chain, lease.Epoch) // before the chain's actors are counted
		c.cfg.Host.Own(lease.Chain, lease.Epoch)
		if seen.Node != "" {
			c.cfg.Metrics.TakenOver()
		}
		c.cfg.Log.Info("chain acquired", "chain", lease.Chain, "epoch", lease.Epoch, "from", seen.Node, "took", took.Round(time.Millisecond))
	}
}

// handOver stops a chain's actors and releases the chain, for another node to acquire.
func (c *Coordinator) handOver(chain string, o *ownership, to string) {
	o.phase = stopping
	stopped, begun := c.cfg.Host.Drain(chain), time.Now()
	c.cfg.Metrics.Released(chain)
	c.beside(func(ctx context.Context) func() {
		select {
		case <-stopped:
		case <-time.After(drainTimeout):
		}
		err := c.releaseNow(ctx, o.lease)
		return func() {
			c.lookAgain()
			if c.owned[chain] == o {
				delete(c.owned, chain)
			}
			if err != nil {
				c.cfg.Log.Warn("a chain is stopped, but could not be released: it is taken over when this node is gone", "chain", chain, "reason", err)
				return
			}
			c.cfg.Metrics.HandedOver()
			c.cfg.Log.Info("chain released", "chain", chain, "epoch", o.lease.Epoch, "to", to, "took", time.Since(begun).Round(time.Millisecond))
		}
	})
}

// release releases a chain that does not run here.
func (c *Coordinator) release(lease persistence.Lease) {
	c.beside(func(ctx context.Context) func() {
		_ = c.releaseNow(ctx, lease) // what fails here is done at a later look
		return func() {}
	})
}

func (c *Coordinator) releaseNow(ctx context.Context, lease persistence.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.cfg.Registry.Release(ctx, lease)
}

// lost stops a chain that another process has taken over.
func (c *Coordinator) lost(l actors.Loss) {
	o := c.owned[l.Chain]
	if o == nil || o.phase != running || o.lease.Epoch > l.Epoch {
		return
	}
	delete(c.owned, l.Chain)
	c.cfg.Host.Drain(l.Chain)
	c.cfg.Metrics.Released(l.Chain)
	c.cfg.Log.Warn("another process has taken a chain over; it stops here", "chain", l.Chain, "epoch", o.lease.Epoch)
	c.lookAgain()
}

// leave gives all chains away and ends this node.
func (c *Coordinator) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	c.leaving = true
	c.me.State = persistence.Leaving
	c.leaves()
	if c.member {
		c.heartbeat(ctx) // so that the others plan without this node
	}
	planned := plan(c.known.livingWith(c.me), c.known.owners())
	for chain, o := range c.owned {
		if o.phase == running {
			c.handOver(chain, o, planned[chain])
		}
	}
	c.loop(ctx, func() bool { return len(c.owned) == 0 && c.busy == 0 })
	if !c.member {
		return
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer done()
	if err := c.cfg.Registry.Leave(last, c.me.ID); err != nil {
		c.cfg.Log.Warn("the cluster could not be told that this node leaves: the others will take it for dead", "reason", err)
		return
	}
	c.cfg.Log.Info("left the cluster", "node", c.me.ID)
}
