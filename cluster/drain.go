package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// drain executes the requests to drain and undrain this node, and fails the drains of nodes
// that have ended: their chains move without them. A failed call is retried at the next look.
func (c *Coordinator) drain(ctx context.Context, me string, requests []persistence.Request) {
	if len(requests) == 0 || me == "" {
		return
	}
	// The members are read after the requests, so a node that runs one is missing only if it has ended.
	nodes, leases, err := c.cfg.Registry.Members(ctx)
	if err != nil {
		return
	}
	for _, r := range requests {
		switch {
		case r.Node == me && r.State == persistence.RequestPending:
			if started, err := c.cfg.Registry.StartDrain(ctx, me, r.ID); err == nil && started {
				c.cfg.Log.Info("request started", "kind", r.Kind, "of", me, "by", r.AskedBy, "id", r.ID)
				c.lookAgain()
			}
		case r.State != persistence.RequestRunning:
		case r.Node == me:
			_ = c.cfg.Registry.ReportDrain(ctx, drained(r, nodes, leases))
		case !lives(nodes, r.Node):
			r.State, r.Reason = persistence.RequestFailed, fmt.Sprintf("node %s has ended: its chains move to the other nodes", r.Node)
			_ = c.cfg.Registry.ReportDrain(ctx, r)
		}
	}
}

// drained returns a running drain with its current progress: done once all of the node's
// chains have moved, failed if no other node can follow those that are left.
func drained(r persistence.Request, nodes []persistence.Node, leases []persistence.Lease) persistence.Request {
	left, stuck := left(r.Node, nodes, leases)
	total := len(left)
	if r.Answer != nil {
		total = max(total, len(r.Answer.Chains))
	}
	r.Progress = &persistence.Progress{Step: "moving chains", Done: int64(total - len(left)), Total: int64(total)}
	switch {
	case len(left) == 0:
		r.State = persistence.RequestDone
	case len(left) == len(stuck):
		r.State, r.Reason = persistence.RequestFailed, fmt.Sprintf("no other node can follow %s: start a node that can, change cluster.roles, or cancel with drain --undo", strings.Join(stuck, ", "))
	}
	return r
}

// left are the chains that a node owns, and those among them that no other node can follow.
func left(node string, nodes []persistence.Node, leases []persistence.Lease) (left, stuck []string) {
	for _, l := range leases {
		if l.Node != node {
			continue
		}
		left = append(left, l.Chain)
		elsewhere := func(n persistence.Node) bool {
			_, can := n.Chain(l.Chain)
			return can && n.State == persistence.Up && n.ID != node
		}
		if !slices.ContainsFunc(nodes, elsewhere) {
			stuck = append(stuck, l.Chain)
		}
	}
	return left, stuck
}

func lives(nodes []persistence.Node, id string) bool {
	return slices.ContainsFunc(nodes, func(n persistence.Node) bool { return n.ID == id && n.Living() })
}
