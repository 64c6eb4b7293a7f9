package cluster

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// asksNode asks a process's node to drain or undrain, and returns the ID of the request.
func (p *process) asksNode(t *testing.T, kind, node string) string {
	t.Helper()
	id := rand.Text()
	if err := p.Ask(context.Background(), []persistence.Request{{ID: id, Kind: kind, Node: node}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return id
}

func (t *table) request(id string) persistence.Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests[id]
}

// A request to drain ends once the node's chains run elsewhere; the node takes none until it
// is asked to undrain. A drain that can move nothing fails, and the node stays as it is asked
// to be.
func TestDrainRequests(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			tab := newTable()
			one, two := deafPair(t, tab, deaf)
			first, second := one.coordinator.view().node, two.coordinator.view().node
			ends := func(id, state, reason string) persistence.Request {
				t.Helper()
				time.Sleep(5 * testPoll)
				r := tab.request(id)
				if r.State != state || !strings.HasPrefix(r.Reason, reason) {
					t.Errorf("deaf %v: it is %+v, want %s, %q", deaf, r, state, reason)
				}
				return r
			}
			r := ends(one.asksNode(t, persistence.DrainRequest, first), persistence.RequestDone, "")
			if len(r.Answer.Chains) != 1 || *r.Progress != (persistence.Progress{Step: "moving chains", Done: 1, Total: 1}) || one.running() != 0 || two.running() != 2 {
				t.Errorf("it is %+v, and they run %d and %d chains", r, one.running(), two.running())
			}
			stuck := two.asksNode(t, persistence.DrainRequest, second)
			ends(stuck, persistence.RequestFailed, "no other node can follow chain00, chain01")
			ends(one.asksNode(t, persistence.UndrainRequest, first), persistence.RequestDone, "")
			time.Sleep(10 * testPoll)
			if one.running() != 2 || two.running() != 0 {
				t.Errorf("they run %d and %d chains", one.running(), two.running())
			}
			ends(one.asksNode(t, persistence.UndrainRequest, second), persistence.RequestDone, "")
			time.Sleep(10 * testPoll)
			if one.running() != 1 || two.running() != 1 {
				t.Errorf("in the end they run %d and %d chains", one.running(), two.running())
			}
			unknown := one.asksNode(t, persistence.DrainRequest, "unknown")
			time.Sleep(2 * time.Minute)
			ends(unknown, persistence.RequestFailed, `no node "unknown" lives`)
		})
	}
}

// A drain of a node that dies ends by another node: its chains move anyway.
func TestDrainOfADeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		one, two := pair(t, tab)
		first := one.coordinator.view().node
		one.kill()
		id := two.asksNode(t, persistence.DrainRequest, first)
		tab.mu.Lock()
		if !tab.startDrain(first, id) { // as one was killed right after it
			t.Error("it does not start")
		}
		tab.mu.Unlock()
		time.Sleep(time.Minute)
		if r := tab.request(id); r.State != persistence.RequestFailed || r.Reason != "node "+first+" has ended: its chains move to the other nodes" {
			t.Errorf("it is %+v", r)
		}
		if two.running() != 2 {
			t.Errorf("%d chains run", two.running())
		}
	})
}

// Which chains are left to move, and which nobody else can follow.
func TestChainsLeft(t *testing.T) {
	follows := func(id, state string, chains ...string) persistence.Node {
		n := persistence.Node{ID: id, State: state}
		for _, c := range chains {
			n.Chains = append(n.Chains, persistence.NodeChain{Name: c})
		}
		return n
	}
	leases := []persistence.Lease{{Chain: "a", Node: "one"}, {Chain: "b", Node: "one"}, {Chain: "c", Node: "two"}, {Chain: "d"}}
	for _, test := range []struct {
		others []persistence.Node
		stuck  []string
	}{
		{nil, []string{"a", "b"}},
		{[]persistence.Node{follows("two", persistence.Up, "a")}, []string{"b"}},
		{[]persistence.Node{follows("two", persistence.Up, "a", "b")}, nil},
		{[]persistence.Node{follows("two", persistence.Draining, "a", "b"), follows("three", persistence.Up, "b")}, []string{"a"}},
		{[]persistence.Node{follows("two", persistence.Leaving, "a", "b"), follows("three", persistence.Dead, "b")}, []string{"a", "b"}},
	} {
		nodes := append(test.others, follows("one", persistence.Up, "a", "b")) // as before its drain
		if left, stuck := left("one", nodes, leases); !slices.Equal(left, []string{"a", "b"}) || !slices.Equal(stuck, test.stuck) {
			t.Errorf("beside %+v: left %v, stuck %v, want %v", test.others, left, stuck, test.stuck)
		}
	}
}
