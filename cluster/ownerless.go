package cluster

import (
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/persistence"
)

// ownerlessAfter is how long a chain may have no living owner before that is logged as an
// error: a cluster that starts, or loses a node, distributes its chains in less.
const ownerlessAfter = 30 * time.Second

// checkOwners logs chains that have had no living owner for a while: those that this node
// follows, and those that dead nodes have left behind and no living node follows.
func (c *Coordinator) checkOwners(s snapshot, now time.Time) {
	chains, owners := map[string]bool{}, s.owners()
	for _, configured := range c.me.Chains {
		chains[configured.Name] = true
	}
	for chain, l := range s.leases {
		chains[chain] = chains[chain] || l.Node != "" && l.Node != c.me.ID
	}
	for _, chain := range slices.Sorted(maps.Keys(chains)) {
		o := c.ownerless[chain]
		switch {
		case !chains[chain]: // released by all: nobody wants it
			delete(c.ownerless, chain)
		case owners[chain] != "":
			if lasted := o.End(now); lasted > 0 {
				c.cfg.Log.Info("chain has an owner again", "chain", chain, "node", owners[chain], outage.Lasted, lasted)
			}
			delete(c.ownerless, chain)
		default:
			if o.Note(now, ownerlessAfter) {
				c.cfg.Log.Error("chain has no owner: nobody follows it", "chain", chain, "since", o.Since(), "reason", whyOwnerless(s, chain))
			}
			c.ownerless[chain] = o
		}
	}
}

// whyOwnerless is why a chain has no owner.
func whyOwnerless(s snapshot, chain string) string {
	reason := "the nodes that follow it are dead or have left: start one"
	for _, n := range s.living() {
		switch _, follows := n.Chain(chain); {
		case follows && n.State == persistence.Up:
			return "it could not be acquired yet"
		case follows:
			reason = "the nodes that follow it are drained: event-worker drain --undo"
		}
	}
	return reason
}
