package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/persistence"
)

// take makes a free chain this node's own, and runs it.
func (k *Keeper) take(seen persistence.Lease) {
	h := &hold{phase: taking}
	k.holds[seen.Chain] = h
	node, begun := k.me.ID, time.Now()
	k.aside(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, takeTimeout)
		defer cancel()
		lease, err := k.cfg.Registry.Take(ctx, seen, node)
		return func() { k.took(h, seen, lease, err, time.Since(begun)) }
	})
}

func (k *Keeper) took(h *hold, seen, lease persistence.Lease, err error, took time.Duration) {
	current := k.holds[seen.Chain] == h
	if current && (err != nil || k.leaving) {
		delete(k.holds, seen.Chain)
	}
	if err != nil && !errors.Is(err, persistence.ErrLeaseChanged) { // at the next beat: at once, it would fail as fast as it can
		k.cfg.Log.Warn("a chain could not be taken, trying again", "chain", seen.Chain, "reason", err)
		return
	}
	k.lookAgain()
	switch {
	case err != nil:
	case !current || k.leaving: // too late
		k.release(lease, "")
	default:
		h.lease, h.phase = lease, running
		k.cfg.Watch.Owned(lease.Chain, lease.Epoch) // before the chain's actors are watched
		k.cfg.Host.Own(lease.Chain, lease.Epoch)
		if seen.Node != "" {
			k.cfg.Watch.TakenOver()
		}
		k.cfg.Log.Info("chain taken", "chain", lease.Chain, "epoch", lease.Epoch, "from", seen.Node, "took", took.Round(time.Millisecond))
	}
}

// giveAway stops a chain's actors, releases the chain, and tells the heir.
func (k *Keeper) giveAway(chain string, h *hold, heir string) {
	h.phase = ending
	stopped, begun := k.cfg.Host.Drain(chain), time.Now()
	k.cfg.Watch.Released(chain)
	k.aside(func(ctx context.Context) func() {
		select {
		case <-stopped:
		case <-time.After(drainTimeout):
		}
		err := k.releaseNow(ctx, h.lease)
		return func() {
			k.lookAgain()
			if k.holds[chain] == h {
				delete(k.holds, chain)
			}
			if err != nil {
				k.cfg.Log.Warn("a chain is stopped, but could not be released: it is taken over when this node is gone", "chain", chain, "reason", err)
				return
			}
			k.cfg.Watch.HandedOver()
			k.cfg.Peers.Poke(heir)
			k.cfg.Log.Info("chain given away", "chain", chain, "epoch", h.lease.Epoch, "to", heir, "took", time.Since(begun).Round(time.Millisecond))
		}
	})
}

// release gives up a chain that does not run here.
func (k *Keeper) release(lease persistence.Lease, heir string) {
	k.aside(func(ctx context.Context) func() {
		err := k.releaseNow(ctx, lease)
		return func() {
			if err == nil {
				k.cfg.Peers.Poke(heir)
			}
		}
	})
}

func (k *Keeper) releaseNow(ctx context.Context, lease persistence.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return k.cfg.Registry.Release(ctx, lease)
}

// lost stops a chain that another node has taken over.
func (k *Keeper) lost(l actors.Loss) {
	h := k.holds[l.Chain]
	if h == nil || h.phase != running || h.lease.Epoch > l.Epoch {
		return
	}
	delete(k.holds, l.Chain)
	k.cfg.Host.Drain(l.Chain)
	k.cfg.Watch.Released(l.Chain)
	k.cfg.Log.Warn("another process has taken a chain over; it stops here", "chain", l.Chain, "epoch", h.lease.Epoch)
	k.lookAgain()
}

// leave gives all chains away and ends this node.
func (k *Keeper) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	k.leaving = true
	k.me.State = persistence.Leaving
	k.leaves()
	if k.member {
		k.beat(ctx) // so that the others plan without this node
	}
	heirs := plan(k.known.livingWith(k.me), k.known.owners())
	for chain, h := range k.holds {
		if h.phase == running {
			k.giveAway(chain, h, heirs[chain])
		}
	}
	k.loop(ctx, func() bool { return len(k.holds) == 0 && k.busy == 0 })
	if !k.member {
		return
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer done()
	if err := k.cfg.Registry.Leave(last, k.me.ID); err != nil {
		k.cfg.Log.Warn("the cluster could not be told that this node leaves: the others will take it for dead", "reason", err)
		return
	}
	k.cfg.Log.Info("left the cluster", "node", k.me.ID)
}
