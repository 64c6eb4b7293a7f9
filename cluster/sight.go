package cluster

import (
	"slices"

	"github.com/imart/event-worker/persistence"
)

// sight is what a node sees of the cluster in one look.
type sight struct {
	nodes  []persistence.Node
	leases map[string]persistence.Lease // by chain
	// strangers are the leases whose owner is no node that is known. It may have joined
	// between the reading of the nodes and of the leases: only who is a stranger in two
	// looks is one.
	strangers, before map[string]persistence.Lease
}

func newSight(nodes []persistence.Node, leases []persistence.Lease, last sight) sight {
	s := sight{nodes: nodes, leases: map[string]persistence.Lease{}, strangers: map[string]persistence.Lease{}, before: last.strangers}
	for _, l := range leases {
		s.leases[l.Chain] = l
		if _, known := s.node(l.Node); l.Node != "" && !known {
			s.strangers[l.Chain] = l
		}
	}
	return s
}

func (s sight) node(id string) (persistence.Node, bool) {
	i := slices.IndexFunc(s.nodes, func(n persistence.Node) bool { return n.ID == id })
	if i < 0 {
		return persistence.Node{}, false
	}
	return s.nodes[i], true
}

// lease is a chain's lease; one without owner and epoch if there is none.
func (s sight) lease(chain string) persistence.Lease {
	if l, ok := s.leases[chain]; ok {
		return l
	}
	return persistence.Lease{Chain: chain}
}

// free says whether a node may take a chain: nobody has it, or somebody who is dead,
// or the node itself, which does not know of it.
func (s sight) free(l persistence.Lease, by string) bool {
	if l.Node == "" || l.Node == by {
		return true
	}
	if owner, known := s.node(l.Node); known {
		return !owner.Living()
	}
	before, twice := s.before[l.Chain]
	return twice && before.Node == l.Node && before.Epoch == l.Epoch
}

func (s sight) living() []persistence.Node {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n persistence.Node) bool { return !n.Living() })
}

// livingWith is living with a newer document of one node.
func (s sight) livingWith(node persistence.Node) []persistence.Node {
	nodes := s.living()
	for i := range nodes {
		if nodes[i].ID == node.ID {
			nodes[i] = node
		}
	}
	return nodes
}

// owners are the living owners of chains.
func (s sight) owners() map[string]string {
	owners := map[string]string{}
	for chain, l := range s.leases {
		if n, known := s.node(l.Node); known && n.Living() {
			owners[chain] = l.Node
		}
	}
	return owners
}

func (s sight) byState() map[string]int {
	count := map[string]int{persistence.Up: 0, persistence.Draining: 0, persistence.Leaving: 0, persistence.Left: 0, persistence.Dead: 0}
	for _, n := range s.nodes {
		count[n.State]++
	}
	return count
}
