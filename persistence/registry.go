package persistence

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrDeclaredDead says that a node was declared dead, or that it has left: the chains
// that it owned may have other owners.
var ErrDeclaredDead = errors.New("the node was declared dead")

// ErrLeaseChanged says that a chain's lease is no longer as it was seen.
var ErrLeaseChanged = errors.New("the chain's lease has changed hands")

// Registry is where the nodes of a cluster find each other, where it is decided which
// of them owns which chain, and where they ask each other. Every change is conditional
// on what the caller has seen, so that late and repeated calls do no harm.
type Registry interface {
	// Join makes the document of a node, whose ID must be new, with its first
	// heartbeat.
	Join(ctx context.Context, node Node) error
	// Heartbeat says that a node lives: its count of heartbeats rises by one. It returns
	// the document as it then is. ErrDeclaredDead: the node is no member any more.
	Heartbeat(ctx context.Context, id string, heartbeat Heartbeat) (Node, error)
	// DeclareDead ends a node on condition that it has made no heartbeat since; false if
	// it has, or if it has ended already.
	DeclareDead(ctx context.Context, id string, heartbeats int64) (bool, error)
	// Leave ends a node that owns nothing any more.
	Leave(ctx context.Context, id string) error
	// Drain asks a node to give its chains away and to take none, or takes that wish
	// back; false if there is no such node, or if it is leaving or gone.
	Drain(ctx context.Context, id string, wish bool) (bool, error)
	// Members returns all nodes, those that ended within the last hour too, and all
	// leases. The nodes are read first: a lease may name one that is not among them.
	Members(ctx context.Context) ([]Node, []Lease, error)
	// Acquire makes a node the owner of a chain, if its lease is still as it was seen
	// (the zero Lease with the chain's name: there was none): the epoch rises, and is
	// stamped into all of the chain's actor documents. When Acquire returns, no commit
	// of an earlier owner lands any more. ErrLeaseChanged: the lease has changed. After
	// another error the chain may be the node's all the same.
	Acquire(ctx context.Context, seen Lease, node string) (Lease, error)
	// Release gives a chain up, if it is still owned as it was acquired.
	Release(ctx context.Context, owned Lease) error

	// Watch calls changed when it has begun to watch, and then soon after a chain was
	// released, a node has changed its state, or a request was asked or has ended.
	// Several changes may be told as one. It returns when the watch is lost or cannot be
	// had, with the reason, or when ctx ends. What changes meanwhile is not told.
	Watch(ctx context.Context, changed func()) error

	// Ask makes the documents of requests, whose IDs must be new: pending, and overdue
	// after a time.
	Ask(ctx context.Context, requests []Request, overdue time.Duration) error
	// Requests returns the requests of some IDs, as far as they exist, by their IDs.
	Requests(ctx context.Context, ids []string) ([]Request, error)
	// Pending returns the requests that have not ended, by their IDs.
	Pending(ctx context.Context) ([]Request, error)
	// Answer ends a request as done if it is still pending and its chain's lease is still
	// as it was acquired, both in one transaction: of all owners one answers, once, and
	// none after it has lost the chain. ErrLeaseChanged: the chain has another owner.
	// False: the request has ended otherwise, or does not exist.
	Answer(ctx context.Context, owned Lease, id string, answer Answer) (bool, error)
	// Fail ends a request as failed if it is still pending, and overdue by the store's
	// clock; false if it is not.
	Fail(ctx context.Context, id, reason string) (bool, error)
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
	// Address is where nodes of versions before listened to each other. It is read only.
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
	// Unreachable is what nodes of versions before could not reach. It is read only.
	Unreachable []string `json:"unreachable,omitempty" bson:"unreachable,omitempty"`
}

// Heartbeat is what a node says of itself with every heartbeat.
type Heartbeat struct {
	Clock   time.Time `json:"clock" bson:"clock"` // its own
	Leaving bool      `json:"-" bson:"-"`
}

// NodeChain is a chain as a node has it configured.
type NodeChain struct {
	Name    string `json:"name" bson:"name"`
	Network string `json:"network" bson:"network"` // what must be the same for all: "evm 1"
	Config  string `json:"config" bson:"config"`   // a digest of what should be
}

// Chain is a chain as the node has it configured; false if it cannot follow it.
func (n Node) Chain(name string) (NodeChain, bool) {
	i := slices.IndexFunc(n.Chains, func(c NodeChain) bool { return c.Name == name })
	if i < 0 {
		return NodeChain{}, false
	}
	return n.Chains[i], true
}

// Living says whether the node takes part.
func (n Node) Living() bool { return n.State != Left && n.State != Dead }
