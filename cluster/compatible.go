package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// ErrIncompatible says that this node cannot work with those that are there.
var ErrIncompatible = errors.New("this node cannot work with the others of its cluster")

// compatible returns ErrIncompatible if there is a living node that this one cannot
// work with. One that has died while no other node was there to see it is declared dead.
func (c *Coordinator) compatible(ctx context.Context) error {
	detector := newDetector(c.cfg)
	for {
		nodes, err := c.conflicting(ctx)
		if err != nil {
			return err
		}
		detector.look(time.Now(), nodes)
		for _, n := range nodes {
			if detector.alive(n) {
				return fmt.Errorf("%w: %w", ErrIncompatible, c.conflict(n))
			}
			if detector.dead(n) {
				if _, err := c.cfg.Registry.DeclareDead(ctx, n.ID, n.Heartbeats); err != nil {
					return err
				}
			}
		}
		if len(nodes) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(c.cfg.Poll):
		}
	}
}

// conflicting are the nodes that this one cannot work with, if they live.
func (c *Coordinator) conflicting(ctx context.Context) ([]persistence.Node, error) {
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	nodes, _, err := c.cfg.Registry.Members(within)
	if err != nil {
		return nil, fmt.Errorf("looking for the cluster: %w", err)
	}
	return slices.DeleteFunc(nodes, func(n persistence.Node) bool { return !n.Living() || c.conflict(n) == nil }), nil
}

// conflict says why this node cannot work with another.
func (c *Coordinator) conflict(n persistence.Node) error {
	if n.Protocol != Protocol {
		return fmt.Errorf("node %s runs version %s: stop the nodes of that version first, or use another database", n.ID, n.Version)
	}
	for _, mine := range c.cfg.Node.Chains {
		if other, too := n.Chain(mine.Name); too && other.Network != mine.Network {
			return fmt.Errorf("chain %s is %s here and %s on node %s: correct kind and chainId in one of the configurations, or give one of the chains another name",
				mine.Name, mine.Network, other.Network, n.ID)
		}
	}
	return nil
}

// compare says, once each, what should be otherwise about the other nodes. Of two that
// have joined at the same time, and cannot work together, the later one ends.
func (c *Coordinator) compare(now snapshot) {
	me, _ := now.node(c.me.ID)
	for _, n := range now.living() {
		if n.ID == c.me.ID || !c.detector.alive(n) {
			continue
		}
		if why := c.conflict(n); why != nil && earlier(n, me) {
			c.unfit = fmt.Errorf("%w: %w", ErrIncompatible, why)
		}
		for _, mine := range c.me.Chains {
			if other, too := n.Chain(mine.Name); too && other.Config != mine.Config {
				c.once("config "+n.ID+" "+mine.Name, "a chain is configured differently on another node, and its owner's configuration applies: make the configurations the same",
					"chain", mine.Name, "node", n.ID)
			}
		}
	}
}

// earlier says whether a node has joined before another one.
func earlier(n, than persistence.Node) bool {
	return cmp.Or(n.JoinedAt.Compare(than.JoinedAt), cmp.Compare(n.ID, than.ID)) < 0
}

func (c *Coordinator) once(key, message string, args ...any) {
	if !c.warned[key] {
		c.warned[key] = true
		c.cfg.Log.Warn(message, args...)
	}
}
