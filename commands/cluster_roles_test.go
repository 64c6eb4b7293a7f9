package commands

import (
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
)

// A node takes no chain that its roles do not name, even if no other node is left.
func TestRoles(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	one := c.start("one", "EVENT_WORKER_CLUSTER_ROLES=aptos")
	c.until("one has a chain", ownedBy("one"))
	two := c.start("two", "EVENT_WORKER_CLUSTER_ROLES=ethereum")
	s := c.until("each has a chain", ownedBy("one", "two"))
	if owner := chainOwners(s)["aptos"]; owner != "one" {
		t.Errorf("aptos is %s's", owner)
	}
	two.kill()
	s = c.until("two is dead", func(s state) bool { return len(s.living()) == 1 })
	seen := s.living()[0].Heartbeats
	c.until("one has looked about", func(s state) bool { return s.living()[0].Heartbeats > seen+5 })
	if !ownedBy("one")(c.status()) || strings.Contains(one.out.String(), "chain=ethereum") {
		t.Errorf("one has ethereum: %v", c.status().Leases)
	}
	c.start("three", "EVENT_WORKER_CLUSTER_ROLES=evm")
	c.until("three has what was two's", ownedBy("one", "three"))
}

// A node's document lists the chains that its roles allow.
func TestRolesAreShown(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	c.start("one", calm, "EVENT_WORKER_CLUSTER_ROLES=aptos, ethereum")
	c.start("two", calm, "EVENT_WORKER_CLUSTER_ROLES=evm")
	s := c.until("there are both", func(s state) bool { return len(s.living()) == 2 })
	for _, n := range s.living() {
		var chains []string
		for _, chain := range n.Chains {
			chains = append(chains, chain.Name+" "+chain.Network)
		}
		if want := map[string]string{"one": "ethereum evm 1, aptos aptos 1", "two": "ethereum evm 1"}[n.Name]; strings.Join(chains, ", ") != want {
			t.Errorf("%s can follow %v, want %s", n.Name, chains, want)
		}
	}
}
