package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

// Registry is what the suite of registries needs of a store.
type Registry interface {
	persistence.Registry
	Claim(ctx context.Context, c persistence.Claim) (persistence.Actor, error)
}

// RunRegistry runs the suite of registries on an empty one.
func RunRegistry(t *testing.T, r Registry) {
	t.Run("AsTheModel", func(t *testing.T) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			n++ // the registry stays, and every run has nodes and chains of its own
			m := &members{
				of: r, run: fmt.Sprintf("run-%d/", n),
				nodes: map[string]persistence.Node{}, leases: map[string]persistence.Lease{}, asked: map[string]persistence.Request{},
			}
			t.Repeat(map[string]func(*rapid.T){
				"join":         m.join,
				"beat":         m.beat,
				"declare dead": m.declareDead,
				"leave":        m.leave,
				"acquire":      m.acquire,
				"release":      m.release,
				"claim late":   m.claimLate,
				"ask a node":   m.askNode,
				"start":        m.startDrain,
				"report":       m.reportDrain,
				"owner starts": m.startAsOwner,
				"":             m.compare,
			})
		})
	})
	t.Run("ChangesAreWatched", func(t *testing.T) { changesAreWatched(t, r) })
}

// nodesClock is the clock of the suite's nodes, which is wrong: it decides no time but
// Heartbeat.Clock.
var nodesClock = time.Unix(1, 0)

// members is what a run of the property test has made of a registry.
type members struct {
	of     Registry
	run    string
	nodes  map[string]persistence.Node // ID, state and heartbeats
	leases map[string]persistence.Lease
	asked  map[string]persistence.Request // of nodes, by ID
}

func (m *members) drawID(t *rapid.T) string {
	return m.run + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node")
}

// drawLease draws a chain's lease as it is, or as it is not.
func (m *members) drawLease(t *rapid.T) (seen persistence.Lease, current bool) {
	chain := m.run + rapid.SampledFrom([]string{"ethereum", "aptos"}).Draw(t, "chain")
	is := m.leases[chain]
	is.Chain = chain
	seen = is
	switch rapid.SampledFrom([]string{"current", "another node's", "of another epoch"}).Draw(t, "lease") {
	case "another node's":
		seen.Node = m.drawID(t)
	case "of another epoch":
		seen.Epoch = max(0, is.Epoch+rapid.Int64Range(-1, 1).Draw(t, "epochs"))
	}
	return seen, seen == is
}

func (m *members) join(t *rapid.T) {
	id := m.drawID(t)
	joining := persistence.Node{
		ID: id, Name: id, State: persistence.Dead, Heartbeats: 7, Version: "v1", Protocol: 1,
		Heartbeat: persistence.Heartbeat{Clock: nodesClock}, JoinedAt: nodesClock, SeenAt: nodesClock, EndedAt: &nodesClock,
	}
	err := m.of.Join(t.Context(), joining)
	if _, known := m.nodes[id]; known != (err != nil) {
		t.Fatalf("%s joins: %v", id, err)
	} else if !known {
		m.nodes[id] = persistence.Node{ID: id, State: persistence.Up, Heartbeats: 1}
	}
}

func (m *members) beat(t *rapid.T) {
	id, leaving := m.drawID(t), rapid.Bool().Draw(t, "leaving")
	got, err := m.of.Heartbeat(t.Context(), id, persistence.Heartbeat{Clock: nodesClock, Leaving: leaving})
	n, known := m.nodes[id]
	if !known || !n.Living() {
		if !errors.Is(err, persistence.ErrDeclaredDead) {
			t.Fatalf("%s, which is no member, beats: %v", id, err)
		}
		return
	}
	n.Heartbeats++
	if leaving {
		n.State = persistence.Leaving
	}
	m.nodes[id] = n
	if err != nil || got.ID != id || got.State != n.State || got.Heartbeats != n.Heartbeats {
		t.Fatalf("the heartbeat makes it %+v, %v, want %+v", got, err, n)
	}
}

func (m *members) declareDead(t *rapid.T) {
	id := m.drawID(t)
	n, known := m.nodes[id]
	heartbeats := n.Heartbeats + rapid.Int64Range(-1, 1).Draw(t, "heartbeats")
	dead, err := m.of.DeclareDead(t.Context(), id, heartbeats)
	if want := known && n.Living() && heartbeats == n.Heartbeats; err != nil || dead != want {
		t.Fatalf("%+v is declared dead at heartbeat %d: %v, %v", n, heartbeats, dead, err)
	}
	if dead {
		n.State = persistence.Dead
		m.nodes[id] = n
	}
}

func (m *members) leave(t *rapid.T) {
	id := m.drawID(t)
	if err := m.of.Leave(t.Context(), id); err != nil {
		t.Fatalf("%s leaves: %v", id, err)
	}
	if n, known := m.nodes[id]; known && n.Living() {
		n.State = persistence.Left
		m.nodes[id] = n
	}
}

func (m *members) acquire(t *rapid.T) {
	seen, current := m.drawLease(t)
	id := m.drawID(t)
	got, err := m.of.Acquire(t.Context(), seen, id)
	if !current {
		if !errors.Is(err, persistence.ErrLeaseChanged) {
			t.Fatalf("seen as %+v it is acquired: %+v, %v", seen, got, err)
		}
		return
	}
	if err != nil || got.Chain != seen.Chain || got.Node != id || got.Epoch != seen.Epoch+1 || got.TakenAt.Before(seen.TakenAt) {
		t.Fatalf("%s acquires %+v: %+v, %v", id, seen, got, err)
	}
	m.leases[seen.Chain] = got
	if _, err := m.claim(t, got); err != nil {
		t.Fatalf("the owner's claim: %v", err)
	}
}

// claim claims a chain's one actor.
func (m *members) claim(t *rapid.T, of persistence.Lease) (persistence.Actor, error) {
	return m.of.Claim(t.Context(), persistence.Claim{ID: of.Chain + "/observer", Kind: "observer", Chain: of.Chain, Market: "market", Stream: "list", Node: of.Node, Epoch: of.Epoch, Start: start})
}

// claimLate claims at an epoch that is over.
func (m *members) claimLate(t *rapid.T) {
	seen, _ := m.drawLease(t)
	if seen.Epoch = m.leases[seen.Chain].Epoch - 1; seen.Epoch < 0 {
		t.Skip("the chain has no owner")
	}
	if a, err := m.claim(t, seen); !errors.Is(err, persistence.ErrFenced) {
		t.Fatalf("a claim at the earlier epoch %d: %+v, %v", seen.Epoch, a, err)
	}
}

func (m *members) release(t *rapid.T) {
	owned, current := m.drawLease(t)
	if err := m.of.Release(t.Context(), owned); err != nil {
		t.Fatal(err)
	}
	if _, ever := m.leases[owned.Chain]; ever && current {
		owned.Node = ""
		m.leases[owned.Chain] = owned
	}
}

func (m *members) compare(t *rapid.T) {
	nodes, leases, err := m.of.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gotNodes, gotLeases := map[string]persistence.Node{}, map[string]persistence.Lease{}
	for _, n := range nodes {
		if !strings.HasPrefix(n.ID, m.run) {
			continue
		}
		if !n.JoinedAt.After(nodesClock) || n.SeenAt.Before(n.JoinedAt) || n.Living() != (n.EndedAt == nil) || !n.Living() && n.EndedAt.Before(n.JoinedAt) {
			t.Fatalf("the times of %+v", n)
		}
		gotNodes[n.ID] = persistence.Node{ID: n.ID, State: n.State, Heartbeats: n.Heartbeats}
	}
	for _, l := range leases {
		if strings.HasPrefix(l.Chain, m.run) {
			gotLeases[l.Chain] = l
		}
	}
	if !maps.EqualFunc(gotNodes, m.nodes, func(a, b persistence.Node) bool { return asJSON(a) == asJSON(b) }) {
		t.Fatalf("nodes %+v, want %+v", gotNodes, m.nodes)
	}
	if !maps.Equal(gotLeases, m.leases) {
		t.Fatalf("leases %+v, want %+v", gotLeases, m.leases)
	}
	m.compareRequests(t)
}

// changesAreWatched checks that each change that Watch promises to report is reported.
func changesAreWatched(t *testing.T, r Registry) {
	for _, id := range []string{"watched", "leaving", "dying"} {
		if err := r.Join(t.Context(), persistence.Node{ID: id, Name: id, Version: "v1", Protocol: 1}); err != nil {
			t.Fatal(err)
		}
	}
	lease, err := r.Acquire(t.Context(), persistence.Lease{Chain: "watched"}, "watched")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- r.Watch(ctx, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	}()
	<-changed // it has started
	for name, change := range map[string]func() error{
		"a release":     func() error { return r.Release(t.Context(), lease) },
		"a node leaves": func() error { return r.Leave(t.Context(), "leaving") },
		"a node is leaving": func() error {
			_, err := r.Heartbeat(t.Context(), "watched", persistence.Heartbeat{Leaving: true})
			return err
		},
		"a death": func() error {
			if dead, err := r.DeclareDead(t.Context(), "dying", 1); !dead {
				return fmt.Errorf("it lives: %w", err)
			}
			return nil
		},
	} {
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatalf("%s is not reported", name)
		}
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the watch ended without an error")
	}
}
