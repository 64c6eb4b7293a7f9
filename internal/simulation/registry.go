package simulation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// registry is the nodes of the cluster and the owners of its chains.
type registry struct {
	nodes  map[string]persistence.Node
	leases map[string]persistence.Lease
	next   chan struct{} // closed at the next change
}

func newRegistry() *registry {
	return &registry{nodes: map[string]persistence.Node{}, leases: map[string]persistence.Lease{}, next: make(chan struct{})}
}

func (r *registry) clone() *registry {
	return &registry{nodes: maps.Clone(r.nodes), leases: maps.Clone(r.leases), next: make(chan struct{})}
}

// changed wakes those who watch.
func (r *registry) changed() {
	close(r.next)
	r.next = make(chan struct{})
}

func (r *registry) join(n persistence.Node, now time.Time) error {
	if _, known := r.nodes[n.ID]; known {
		return fmt.Errorf("node %s has joined already", n.ID)
	}
	n.State, n.Heartbeats, n.JoinedAt, n.SeenAt, n.EndedAt = persistence.Up, 1, now, now, nil
	r.nodes[n.ID] = n
	return nil
}

func (r *registry) heartbeat(id string, h persistence.Heartbeat, now time.Time) (persistence.Node, error) {
	n, known := r.nodes[id]
	if !known || !n.Living() {
		return persistence.Node{}, persistence.ErrDeclaredDead
	}
	n.Heartbeats++
	n.Heartbeat, n.SeenAt = h, now
	leaves := h.Leaving && n.State != persistence.Leaving
	if leaves {
		n.State = persistence.Leaving
	}
	r.nodes[id] = n
	if leaves {
		r.changed()
	}
	return n, nil
}

// end ends a node, if it lives and its count of heartbeats is the given one; -1: whatever
// that is.
func (r *registry) end(id, state string, heartbeats int64, now time.Time) bool {
	n, known := r.nodes[id]
	if !known || !n.Living() || heartbeats >= 0 && n.Heartbeats != heartbeats {
		return false
	}
	n.State, n.EndedAt = state, &now
	r.nodes[id] = n
	r.changed()
	return true
}

func (r *registry) members() (nodes []persistence.Node, leases []persistence.Lease) {
	for _, id := range slices.Sorted(maps.Keys(r.nodes)) {
		nodes = append(nodes, r.nodes[id])
	}
	for _, chain := range slices.Sorted(maps.Keys(r.leases)) {
		leases = append(leases, r.leases[chain])
	}
	return nodes, leases
}

// living returns the ID of a living node with a name; empty if there is none.
func (r *registry) living(name string) string {
	nodes, _ := r.members()
	for _, n := range nodes {
		if n.Name == name && n.Living() {
			return n.ID
		}
	}
	return ""
}

// leased reports whether a chain's lease is still the one that was seen.
func (r *registry) leased(seen persistence.Lease) bool {
	now := r.leases[seen.Chain]
	return now.Node == seen.Node && now.Epoch == seen.Epoch
}

func (r *registry) grant(lease persistence.Lease) { r.leases[lease.Chain] = lease }

func (r *registry) release(owned persistence.Lease) {
	if _, ever := r.leases[owned.Chain]; ever && r.leased(owned) {
		owned.Node = ""
		r.leases[owned.Chain] = owned
		r.changed()
	}
}
