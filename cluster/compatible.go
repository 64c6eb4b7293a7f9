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
// work with. One that only seems to live, as nobody was there to bury it, is buried.
func (k *Keeper) compatible(ctx context.Context) error {
	silence := silence{poll: k.cfg.Poll, ttl: k.cfg.TTL}
	beats := map[string]int64{}
	for {
		nodes, err := k.strange(ctx)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if beat, seen := beats[n.ID]; seen && beat != n.Beat {
				return fmt.Errorf("%w: %w", ErrIncompatible, k.quarrel(n))
			}
			beats[n.ID] = n.Beat
		}
		for _, dead := range silence.look(time.Now(), nodes, func(persistence.Node, bool) time.Duration { return k.cfg.TTL }) {
			if _, err := k.cfg.Registry.Bury(ctx, dead.ID, dead.Beat); err != nil {
				return err
			}
		}
		if len(nodes) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(k.cfg.Poll):
		}
	}
}

// strange are the nodes that this one cannot work with, if they live.
func (k *Keeper) strange(ctx context.Context) ([]persistence.Node, error) {
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	nodes, _, err := k.cfg.Registry.Members(within)
	if err != nil {
		return nil, fmt.Errorf("looking for the cluster: %w", err)
	}
	return slices.DeleteFunc(nodes, func(n persistence.Node) bool { return !n.Living() || k.quarrel(n) == nil }), nil
}

// quarrel says why this node cannot work with another.
func (k *Keeper) quarrel(n persistence.Node) error {
	if n.Protocol != Protocol {
		return fmt.Errorf("node %s runs version %s: stop the nodes of that version first, or use another database", n.ID, n.Version)
	}
	for _, c := range k.cfg.Node.Chains {
		if other, too := n.Chain(c.Name); too && other.Network != c.Network {
			return fmt.Errorf("chain %s is %s here and %s on node %s: correct kind and chainId in one of the configurations, or give one of the chains another name",
				c.Name, c.Network, other.Network, n.ID)
		}
	}
	return nil
}

// compare says, once each, what should be otherwise about the other nodes. Of two that
// have joined at the same time, and cannot work together, the later one ends.
func (k *Keeper) compare(now sight) {
	me, _ := now.node(k.me.ID)
	for _, n := range now.living() {
		if n.ID == k.me.ID {
			continue
		}
		before, known := k.known.node(n.ID)
		beats := known && n.Beat > before.Beat
		if why := k.quarrel(n); why != nil && beats && earlier(n, me) {
			k.unfit = fmt.Errorf("%w: %w", ErrIncompatible, why)
		}
		if n.Address == k.me.Address && beats {
			k.once("address "+n.ID, "another node advertises the same address as this one, so that messages go astray: give each its own cluster.advertise",
				"node", n.ID, "address", n.Address)
		}
		for _, c := range k.me.Chains {
			if other, too := n.Chain(c.Name); too && beats && other.Config != c.Config {
				k.once("config "+n.ID+" "+c.Name, "a chain is configured differently on another node, and what is followed depends on who has it: make the configurations the same",
					"chain", c.Name, "node", n.ID)
			}
		}
	}
}

// earlier says whether a node has joined before another one.
func earlier(n, than persistence.Node) bool {
	return cmp.Or(n.JoinedAt.Compare(than.JoinedAt), cmp.Compare(n.ID, than.ID)) < 0
}

func (k *Keeper) once(key, message string, args ...any) {
	if !k.warned[key] {
		k.warned[key] = true
		k.cfg.Log.Warn(message, args...)
	}
}
