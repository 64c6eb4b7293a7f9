package cluster

import (
	"cmp"
	"maps"
	"slices"

	"github.com/imart/event-worker/persistence"
)

// settledAt is the count of heartbeats from which a node gets chains: nodes that start
// together have seen each other by then, and one that dies immediately has got none.
const settledAt = 3

// plan says on which node each chain ought to run: the name of a chain and a node's
// ID. A chain that no node can take is not in it. The nodes are the living ones, and
// owners says which of them owns a chain now; other chains are free.
//
// As many chains as possible stay where they are. The loads are as even as the nodes'
// chains allow: no chain, nor any series of chains that make room for one another,
// could be moved from a node to one that has two less. Nodes that see the same
// make the same plan.
func plan(nodes []persistence.Node, owners map[string]string) map[string]string {
	p := newPlanning(nodes, owners)
	for _, chain := range p.free {
		if to := p.idlest(p.able[chain]); to != "" {
			p.put(chain, to)
		}
	}
	for p.even() {
	}
	return p.at
}

// planning is a plan in the making.
type planning struct {
	able   map[string][]string // by chain, the nodes that can take it
	free   []string            // chains without an owner that could keep them
	at     map[string]string   // by chain, its node
	chains map[string][]string // by node, the chains that are there
	takers []string            // the nodes that take chains
	owned  map[string]bool     // by chain, whether it runs where it could stay
}

func newPlanning(nodes []persistence.Node, owners map[string]string) *planning {
	p := &planning{
		able: map[string][]string{}, at: map[string]string{}, chains: map[string][]string{}, owned: map[string]bool{},
	}
	nodes = slices.SortedFunc(slices.Values(nodes), func(a, b persistence.Node) int { return cmp.Compare(a.ID, b.ID) })
	for _, n := range nodes {
		if n.State != persistence.Up || n.Heartbeats < settledAt {
			continue
		}
		p.takers = append(p.takers, n.ID)
		for _, c := range n.Chains {
			p.able[c.Name] = append(p.able[c.Name], n.ID)
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(p.able)) {
		if owner := owners[chain]; slices.Contains(p.able[chain], owner) {
			p.owned[chain] = true
			p.put(chain, owner)
		} else {
			p.free = append(p.free, chain)
		}
	}
	return p
}

func (p *planning) put(chain, node string) {
	if from, placed := p.at[chain]; placed {
		p.chains[from] = slices.DeleteFunc(p.chains[from], func(c string) bool { return c == chain })
	}
	p.at[chain] = node
	p.chains[node] = append(p.chains[node], chain)
}

func (p *planning) load(node string) int { return len(p.chains[node]) }

// idlest is the node with the fewest chains; empty if there is none.
func (p *planning) idlest(nodes []string) string {
	if len(nodes) == 0 {
		return ""
	}
	return slices.MinFunc(nodes, func(a, b string) int { return cmp.Compare(p.load(a), p.load(b)) })
}

// even moves one chain from a busy node towards an idler one, and others on the way
// to make room for it; false if nothing can be gained.
func (p *planning) even() bool {
	busiest := slices.SortedStableFunc(slices.Values(p.takers), func(a, b string) int { return cmp.Compare(p.load(b), p.load(a)) })
	for _, from := range busiest {
		if moves := p.path(from); moves != nil {
			for _, m := range moves {
				p.put(m.chain, m.to)
			}
			return true
		}
	}
	return false
}

type move struct{ chain, to string }

// path is the shortest series of moves from a node to the idlest that has at least
// two chains less; nil if there is none.
func (p *planning) path(from string) []move {
	type step struct {
		move
		before *step
		from   string
	}
	reached := map[string]*step{from: nil}
	var best *step
	for queue := []string{from}; len(queue) > 0 && best == nil; {
		var next []string
		for _, node := range queue {
			for _, m := range p.moves(node) {
				if _, known := reached[m.to]; known {
					continue
				}
				s := &step{m, reached[node], node}
				reached[m.to] = s
				next = append(next, m.to)
				if p.load(m.to) <= p.load(from)-2 && (best == nil || p.load(m.to) < p.load(best.to)) {
					best = s
				}
			}
		}
		queue = next
	}
	var moves []move
	for s := best; s != nil; s = s.before {
		moves = append(moves, s.move)
	}
	return moves
}

// moves are a node's chains and where each could go; those that have no owner to
// lose come first.
func (p *planning) moves(node string) []move {
	var moves []move
	for _, owned := range []bool{false, true} {
		for _, chain := range slices.Sorted(slices.Values(p.chains[node])) {
			if p.owned[chain] != owned {
				continue
			}
			for _, to := range p.able[chain] {
				if to != node {
					moves = append(moves, move{chain, to})
				}
			}
		}
	}
	return moves
}
