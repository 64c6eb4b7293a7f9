package persistence

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrDeclaredDead means that a node was declared dead, or that it has left: the chains
// that it owned may have new owners.
var ErrDeclaredDead = errors.New("the node was declared dead")

// ErrLeaseChanged means that a chain's lease has changed since it was read.
var ErrLeaseChanged = errors.New("the chain's lease has changed hands")

// Registry is where the nodes of a cluster find each other, agree on which node owns
// which chain, and send each other requests. Every change is conditional on the state
// that the caller has read, so that late and repeated calls do no harm.
type Registry interface {
	// Join creates the document of a node, whose ID must be new, with its first
	// heartbeat.
	Join(ctx context.Context, node Node) error
	// Heartbeat records that a node is alive: its count of heartbeats rises by one. It
	// returns the resulting document. ErrDeclaredDead: the node is no longer a member.
	Heartbeat(ctx context.Context, id string, heartbeat Heartbeat) (Node, error)
	// DeclareDead declares a node dead on condition that its count of heartbeats is
	// still heartbeats; false if it is not, or if the node has ended already.
	DeclareDead(ctx context.Context, id string, heartbeats int64) (bool, error)
	// Leave ends a node that no longer owns any chain.
	Leave(ctx context.Context, id string) error
	// StartDrain starts a request to drain a node, or executes a request to undrain it. The
	// request, the node's state and its count of heartbeats change in one transaction. The
	// answer to a drain lists the node's chains; an undrain fails the node's running drains.
	// StartDrain returns false if the request is not pending, or is not to this node, or if
	// the node is leaving or has ended.
	StartDrain(ctx context.Context, node, id string) (bool, error)
	// ReportDrain records the progress of a running drain, and its end if drain has ended.
	ReportDrain(ctx context.Context, drain Request) error
	// Members returns all nodes, including those that ended within the last hour, and
	// all leases. The nodes are read first: a lease may name a node that is not among
	// them.
	Members(ctx context.Context) ([]Node, []Lease, error)
	// Acquire makes a node the owner of a chain, if the chain's lease still equals seen
	// (the zero Lease with the chain's name if there was none): the epoch rises, and is
	// stamped into all of the chain's actor documents. After Acquire returns, no commit
	// of an earlier owner succeeds. ErrLeaseChanged: the lease has changed. After any
	// other error the node may own the chain nevertheless.
	Acquire(ctx context.Context, seen Lease, node string) (Lease, error)
	// Release gives up a chain, if its lease still equals owned.
	Release(ctx context.Context, owned Lease) error

	// Watch calls changed when it has started to watch, and then soon after a chain was
	// released, a node has changed its state, or a request was made or has ended.
	// Several changes may be reported by one call. Watch returns an error when the watch
	// is lost or cannot be established, and when ctx ends. Changes between two watches
	// are not reported.
	Watch(ctx context.Context, changed func()) error

	// Answer ends a request as done if it is still pending and its chain's lease still
	// equals owned, both in one transaction: of all owners only one answers, once, and
	// none after it has lost the chain. ErrLeaseChanged: the chain has another owner.
	// False: the request has ended otherwise, or does not exist.
	Answer(ctx context.Context, owned Lease, id string, answer Answer) (bool, error)

	RequestQueue
}

// The states of a node.
const (
	Up       = "up"
	Draining = "draining" // an operator wants its chains elsewhere
	Leaving  = "leaving"  // it is shutting down
	Left     = "left"
	Dead     = "dead"
)

// Node is the document of a node, which is one incarnation of a process in the cluster:
// a process that is declared dead and comes back is another node.
type Node struct {
	ID   string `json:"_id" bson:"_id"`   // worker-1.x7k2m9
	Name string `json:"name" bson:"name"` // as configured
	// Address was the peer address of nodes of earlier versions. It is only read.
	Address    string      `json:"address,omitempty" bson:"address,omitempty"`
	State      string      `json:"state" bson:"state"`
	Heartbeats int64       `json:"beat" bson:"beat"`
	Chains     []NodeChain `json:"chains" bson:"chains"` // those that it can follow
	Version    string      `json:"version" bson:"version"`
	Protocol   int64       `json:"protocol" bson:"protocol"` // nodes of different ones cannot work together

	JoinedAt  time.Time  `json:"joinedAt" bson:"joinedAt"`
	SeenAt    time.Time  `json:"seenAt" bson:"seenAt"` // its last heartbeat, by the server's clock
	EndedAt   *time.Time `json:"endedAt,omitempty" bson:"endedAt,omitempty"`
	Heartbeat `bson:",inline"`
	// Unreachable lists the peers that nodes of earlier versions could not reach. It is
	// only read.
	Unreachable []string `json:"unreachable,omitempty" bson:"unreachable,omitempty"`
}

// Heartbeat is what a node reports with every heartbeat.
type Heartbeat struct {
	Clock   time.Time `json:"clock" bson:"clock"` // its own
	Leaving bool      `json:"-" bson:"-"`
}

// NodeChain is a chain in a node's configuration.
type NodeChain struct {
	Name    string `json:"name" bson:"name"`
	Network string `json:"network" bson:"network"` // what must be the same for all: "evm 1"
	Config  string `json:"config" bson:"config"`   // a digest of what should be
}

// Chain returns a chain in the node's configuration; false if the node cannot follow it.
func (n Node) Chain(name string) (NodeChain, bool) {
	i := slices.IndexFunc(n.Chains, func(c NodeChain) bool { return c.Name == name })
	if i < 0 {
		return NodeChain{}, false
	}
	return n.Chains[i], true
}

// Living reports whether the node is a member.
func (n Node) Living() bool { return n.State != Left && n.State != Dead }
