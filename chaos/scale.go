package main

import (
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// place starts a cluster before many quiet chains and says how long it takes until
// all are owned, and followed, and what that takes up.
func place(t testing.TB, o options) {
	t.Helper()
	c := newCluster(t, o, ordinary)
	t.Cleanup(func() { c.explain(o) })
	begun := time.Now()
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, goal := range c.goals() {
		if err := c.await(5*time.Minute, goal.amiss); err != nil {
			t.Fatalf("%d chains are not %s %v", o.chains, goal.name, err)
		}
		t.Logf("%d chains are %s after %.1f s", o.chains, goal.name, time.Since(begun).Seconds())
	}
	pause(t.Context(), o.lasts-time.Since(begun))
	leases, err := all[persistence.Lease](t.Context(), c.database, persistence.Leases)
	if err != nil {
		t.Fatal(err)
	}
	owned := map[string]int{}
	for _, l := range leases {
		owned[l.Node]++
	}
	t.Logf("after %.0f s they are spread: %s", time.Since(begun).Seconds(), spreadOf(owned))
	for _, n := range c.nodes {
		t.Logf("%s: %v", n.name, n.weigh(t.Context()))
	}
	c.end()
}
