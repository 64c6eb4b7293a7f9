package persistence

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrBuried says that a node was declared dead, or that it has left: whatever it
// owned may have another owner.
var ErrBuried = errors.New("the node was declared dead")

// ErrTaken says that a chain's lease is no longer as it was seen.
var ErrTaken = errors.New("the chain's lease has changed hands")

// Registry is where the nodes of a cluster find each other, and where it stands
// which of them owns which chain. All that changes something is conditional on what
// the caller has seen, so that late and repeated requests do no harm.
type Registry interface {
	// Join makes the document of a node, whose ID must be new. It stands at beat 1.
	Join(ctx context.Context, node Node) error
	// Beat says that a node lives: its beat rises by one. It returns the document as
	// it then is. ErrBuried: the node is no member any more.
	Beat(ctx context.Context, id string, pulse Pulse) (Node, error)
	// Bury declares a node dead on condition that its beat is still what it was;
	// false if it is not, or if the node has ended already.
	Bury(ctx context.Context, id string, beat int64) (bool, error)
	// Leave ends a node that owns nothing any more.
	Leave(ctx context.Context, id string) error
	// Drain asks a node to give its chains away and to take none, or takes that wish
	// back; false if there is no such node, or if it is leaving or gone.
	Drain(ctx context.Context, id string, wish bool) (bool, error)
	// Members returns all nodes, those that ended within the last hour too, and all
	// leases. The nodes are read first: a lease may name one that is not among them.
	Members(ctx context.Context) ([]Node, []Lease, error)
	// Take makes a node the owner of a chain, if its lease is still as it was seen
	// (the zero Lease with the chain's name: there was none): the epoch rises, and is
	// stamped into all of the chain's actor documents. When Take returns, no commit of
	// an earlier owner lands any more. ErrTaken: the lease has changed. After another
	// error the chain may be the node's all the same.
	Take(ctx context.Context, seen Lease, node string) (Lease, error)
	// Release gives a chain up, if it is still held as it was taken.
	Release(ctx context.Context, held Lease) error
}

// The states of a node.
const (
	Up       = "up"
	Draining = "draining" // an operator wants its chains elsewhere
	Leaving  = "leaving"  // it is shutting down
	Left     = "left"
	Dead     = "dead"
)

// Node is the document of a node, which is one life of a process in the cluster:
// whoever is declared dead and comes back is another node.
type Node struct {
	ID       string      `json:"_id" bson:"_id"`   // worker-1.x7k2m9
	Name     string      `json:"name" bson:"name"` // as configured
	Address  string      `json:"address" bson:"address"`
	State    string      `json:"state" bson:"state"`
	Beat     int64       `json:"beat" bson:"beat"`
	Chains   []NodeChain `json:"chains" bson:"chains"` // those that it can follow
	Version  string      `json:"version" bson:"version"`
	Protocol int64       `json:"protocol" bson:"protocol"` // nodes of different ones cannot work together

	JoinedAt time.Time  `json:"joinedAt" bson:"joinedAt"`
	SeenAt   time.Time  `json:"seenAt" bson:"seenAt"` // its last beat, by the server's clock
	EndedAt  *time.Time `json:"endedAt,omitempty" bson:"endedAt,omitempty"`
	Pulse    `bson:",inline"`
}

// Pulse is what a node says of itself with every beat.
type Pulse struct {
	Clock       time.Time `json:"clock" bson:"clock"` // its own
	Leaving     bool      `json:"-" bson:"-"`
	Unreachable []string  `json:"unreachable,omitempty" bson:"unreachable,omitempty"` // nodes that it cannot reach
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
