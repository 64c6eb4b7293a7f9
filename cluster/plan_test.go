package cluster

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

// Whatever nodes come and go and whatever they can follow: every chain that
// somebody can follow has a place there, the loads are as even as can be, the same
// sight makes the same plan, and once it is carried out nothing is left to do.
func TestPlanIsCompleteEvenAndStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chains := names("chain", rapid.IntRange(0, 12).Draw(t, "chains"))
		var nodes []persistence.Node
		owners := map[string]string{}
		joined := 0
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			if len(nodes) == 0 || rapid.Bool().Draw(t, "joins") {
				joined++
				nodes = append(nodes, drawNode(t, fmt.Sprintf("node%02d", joined), chains))
			} else {
				nodes = slices.Delete(nodes, 0, 1)
			}
			planned := plan(nodes, owners)
			checkPlaces(t, nodes, chains, planned)
			checkEven(t, nodes, planned)
			shuffled := rapid.Permutation(nodes).Draw(t, "as another sees them")
			if other := plan(shuffled, owners); !maps.Equal(other, planned) {
				t.Fatalf("two plans of one sight: %v and %v", planned, other)
			}
			if again := plan(nodes, planned); !maps.Equal(again, planned) {
				t.Fatalf("%v is changed to %v for nothing", planned, again)
			}
			owners = planned
		}
	})
}

// Where every node can follow every chain, no more chains move than must for loads
// that differ by one at most.
func TestPlanMovesAsFewAsPossible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chains := names("chain", rapid.IntRange(0, 20).Draw(t, "chains"))
		var nodes []persistence.Node
		for _, id := range names("node", rapid.IntRange(1, 6).Draw(t, "nodes")) {
			nodes = append(nodes, node(id, chains...))
		}
		owners := map[string]string{}
		for _, c := range chains {
			owners[c] = rapid.SampledFrom(append(names("node", len(nodes)), "gone", "")).Draw(t, "owner")
		}
		planned := plan(nodes, owners)
		moved, load := 0, map[string]int{}
		for _, c := range chains {
			if slices.ContainsFunc(nodes, func(n persistence.Node) bool { return n.ID == owners[c] }) {
				load[owners[c]]++
				if planned[c] != owners[c] {
					moved++
				}
			}
		}
		var loads []int
		for _, n := range nodes {
			loads = append(loads, load[n.ID])
		}
		slices.SortFunc(loads, func(a, b int) int { return b - a })
		must := 0
		for i, have := range loads {
			room := len(chains) / len(nodes)
			if i < len(chains)%len(nodes) {
				room++
			}
			must += max(0, have-room)
		}
		if moved != must {
			t.Fatalf("%d chains move, %d must: from %v to %v", moved, must, owners, planned)
		}
	})
}

// Nodes that have just come, are leaving or are to be drained get nothing.
func TestPlanGivesOnlyToThoseWhoTake(t *testing.T) {
	fresh, leaving, draining := node("fresh", "a", "b"), node("leaving", "a", "b"), node("draining", "a", "b")
	fresh.Heartbeats, leaving.State, draining.State = settledAt-1, persistence.Leaving, persistence.Draining
	nodes := []persistence.Node{fresh, leaving, draining}
	if planned := plan(nodes, map[string]string{"a": "leaving"}); len(planned) != 0 {
		t.Errorf("planned %v", planned)
	}
	planned := plan(append(nodes, node("up", "a", "b")), map[string]string{"a": "leaving", "b": "up"})
	if want := map[string]string{"a": "up", "b": "up"}; !maps.Equal(planned, want) {
		t.Errorf("planned %v, want %v", planned, want)
	}
}

// What makes room for a chain may be another chain that goes elsewhere.
func TestPlanMovesInSeries(t *testing.T) {
	nodes := []persistence.Node{node("n1", "a", "b"), node("n2", "b", "c"), node("n3", "c")}
	// n1 can only give b to n2, which then gives c to n3.
	planned := plan(nodes, map[string]string{"a": "n1", "b": "n1", "c": "n2"})
	if want := map[string]string{"a": "n1", "b": "n2", "c": "n3"}; !maps.Equal(planned, want) {
		t.Errorf("planned %v, want %v", planned, want)
	}
}

func names(kind string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("%s%02d", kind, i))
	}
	return out
}

func node(id string, chains ...string) persistence.Node {
	n := persistence.Node{ID: id, State: persistence.Up, Heartbeats: settledAt}
	for _, c := range chains {
		n.Chains = append(n.Chains, persistence.NodeChain{Name: c})
	}
	return n
}

func drawNode(t *rapid.T, id string, chains []string) persistence.Node {
	n := node(id)
	for _, c := range chains {
		if rapid.Bool().Draw(t, "follows") {
			n.Chains = append(n.Chains, persistence.NodeChain{Name: c})
		}
	}
	if rapid.IntRange(0, 5).Draw(t, "state") == 0 {
		n.State = rapid.SampledFrom([]string{persistence.Draining, persistence.Leaving}).Draw(t, "state")
	}
	return n
}

func follows(n persistence.Node, chain string) bool {
	_, can := n.Chain(chain)
	return can
}

func checkPlaces(t *rapid.T, nodes []persistence.Node, chains []string, planned map[string]string) {
	for _, c := range chains {
		able := slices.ContainsFunc(nodes, func(n persistence.Node) bool { return n.State == persistence.Up && follows(n, c) })
		there := slices.ContainsFunc(nodes, func(n persistence.Node) bool {
			return n.ID == planned[c] && n.State == persistence.Up && follows(n, c)
		})
		if able != there {
			t.Fatalf("%s: can be followed: %v, planned on %q", c, able, planned[c])
		}
	}
}

// checkEven looks for what would make the loads more even, by its own means: a node
// reaches another if one of its chains could run there, and so on.
func checkEven(t *rapid.T, nodes []persistence.Node, planned map[string]string) {
	load := map[string]int{}
	for _, n := range planned {
		load[n]++
	}
	reach := map[[2]string]bool{}
	for chain, from := range planned {
		for _, to := range nodes {
			if to.State == persistence.Up && follows(to, chain) {
				reach[[2]string{from, to.ID}] = true
			}
		}
	}
	for _, over := range nodes {
		for _, from := range nodes {
			for _, to := range nodes {
				if reach[[2]string{from.ID, over.ID}] && reach[[2]string{over.ID, to.ID}] {
					reach[[2]string{from.ID, to.ID}] = true
				}
			}
		}
	}
	for pair := range reach {
		if load[pair[0]] >= load[pair[1]]+2 {
			t.Fatalf("%v has %d chains and could give one to %v, which has %d: %v", pair[0], load[pair[0]], pair[1], load[pair[1]], planned)
		}
	}
}
