package main

import (
	"context"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// placing bounds how long many chains take to be placed and caught up with.
const placing = 5 * time.Minute

// place starts a cluster with many quiet chains and reports the time until all are owned
// and followed, and the resources that takes: on a new database, and again after all
// nodes were killed.
func place(ctx context.Context, t testing.TB, o options) {
	t.Helper()
	c := newCluster(t, o, ordinary)
	t.Cleanup(func() { c.explain(o) })
	started := time.Now()
	t.Logf("%d nodes start on a new database", o.nodes)
	c.placed(o)
	for _, n := range c.nodes {
		n.kill()
	}
	t.Logf("%d nodes start after all were killed", o.nodes)
	c.placed(o)
	pause(ctx, o.lasts-time.Since(started))
	t.Logf("after %.0f s", time.Since(started).Seconds())
	for _, n := range c.nodes {
		w, err := n.weigh(t.Context())
		if err != nil {
			t.Errorf("metrics of %s: %v", n.name, err)
		}
		t.Logf("  %s: %v", n.name, w)
	}
	c.end()
}

// placed starts the nodes and waits until all chains are owned and followed.
func (c *cluster) placed(o options) {
	c.t.Helper()
	started := time.Now()
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, goal := range c.goals() {
		if err := c.await(placing, goal.amiss); err != nil {
			c.t.Fatalf("%d chains are not %s %v", o.chains, goal.name, err)
		}
		c.t.Logf("  %d chains are %s after %.1f s", o.chains, goal.name, time.Since(started).Seconds())
	}
	leases, err := all[persistence.Lease](c.t.Context(), c.database, persistence.Leases)
	if err != nil {
		c.t.Fatal(err)
	}
	owned := map[string]int{}
	for _, l := range leases {
		owned[l.Node]++
	}
	c.t.Logf("  owned: %s", spreadOf(owned))
}
