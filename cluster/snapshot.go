package cluster

import (
	"slices"

	"github.com/imart/event-worker/persistence"
)

// snapshot is the cluster as a node has read it. It is not changed once it is made.
type snapshot struct {
	nodes  []persistence.Node
	leases map[string]persistence.Lease // by chain
	// strangers are the leases whose owner is no known node. It may have joined between
	// the reading of the nodes and of the leases: only an owner that is unknown in two
	// snapshots in a row is gone.
	strangers, before map[string]persistence.Lease
}

func newSnapshot(nodes []persistence.Node, leases []persistence.Lease, last snapshot) snapshot {
	s := snapshot{nodes: nodes, leases: map[string]persistence.Lease{}, strangers: map[string]persistence.Lease{}, before: last.strangers}
	for _, l := range leases {
		s.leases[l.Chain] = l
		if _, known := s.node(l.Node); l.Node != "" && !known {
			s.strangers[l.Chain] = l
		}
	}
	return s
}

func (s snapshot) node(id string) (persistence.Node, bool) {
	i := slices.IndexFunc(s.nodes, func(n persistence.Node) bool { return n.ID == id })
	if i < 0 {
		return persistence.Node{}, false
	}
	return s.nodes[i], true
}

// lease is a chain's lease; one without owner and epoch if there is none.
func (s snapshot) lease(chain string) persistence.Lease {
	if l, ok := s.leases[chain]; ok {
		return l
	}
	return persistence.Lease{Chain: chain}
}

// free says whether a node may acquire a chain: it has no owner, or a dead one, or the
// node itself, which does not know of it.
func (s snapshot) free(l persistence.Lease, by string) bool {
	if l.Node == "" || l.Node == by {
		return true
	}
	if owner, known := s.node(l.Node); known {
		return !owner.Living()
	}
	before, twice := s.before[l.Chain]
	return twice && before.Node == l.Node && before.Epoch == l.Epoch
}

func (s snapshot) living() []persistence.Node {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n persistence.Node) bool { return !n.Living() })
}

// livingWith is living with a newer document of one node.
func (s snapshot) livingWith(node persistence.Node) []persistence.Node {
	nodes := s.living()
	for i := range nodes {
		if nodes[i].ID == node.ID {
			nodes[i] = node
		}
	}
	return nodes
}

// owners are the living owners of chains.
func (s snapshot) owners() map[string]string {
	owners := map[string]string{}
	for chain, l := range s.leases {
		if n, known := s.node(l.Node); known && n.Living() {
			owners[chain] = l.Node
		}
	}
	return owners
}

func (s snapshot) byState() map[string]int {
	count := map[string]int{persistence.Up: 0, persistence.Draining: 0, persistence.Leaving: 0, persistence.Left: 0, persistence.Dead: 0}
	for _, n := range s.nodes {
		count[n.State]++
	}
	return count
}
