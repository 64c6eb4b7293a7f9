package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	library "github.com/asynkron/protoactor-go/cluster"
	"github.com/asynkron/protoactor-go/remote"

	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

const (
	// peerName is the name of the actor that other nodes write to.
	peerName = "peer"
	// chainKind is the kind of the identities that are chains.
	chainKind = "chain"

	pingEvery   = 30 * time.Second
	pingAgain   = 5 * time.Second // after a failure; who has died is not known any more by then
	pingTimeout = 3 * time.Second
	// queue bounds the messages that wait for another node. All are small.
	queue = 1000
)

// Options are how a node takes part in the network of nodes.
type Options struct {
	Cluster   string // the cluster's name
	Listen    string // host:port
	Advertise string // host:port; found out if empty
	Server    string // host or host:port of a server that all nodes reach
	Log       *slog.Logger
}

// Network carries messages between nodes by proto.actor's cluster. Its members are
// those that the keeper knows, its identities the chains, which are where their
// leases say.
type Network struct {
	options Options
	address address
	cluster *library.Cluster
	members chan library.Members // the latest, for the library
	pokes   chan struct{}
	closed  chan struct{}

	mu     sync.Mutex
	me     string
	nodes  map[string]persistence.Node
	owners map[string]string
	pings  map[string]*ping // by node
	status func(chain string) *messages.ChainStatus
}

// ping is what came of the last ping to a node.
type ping struct {
	at       time.Time
	failures int // in a row
}

// failed says whether a node cannot be reached, and not just once.
func (p *ping) failed() bool { return p.failures > 1 }

// due is when to try again.
func (p *ping) due() time.Time {
	if p.failures > 0 {
		return p.at.Add(pingAgain)
	}
	return p.at.Add(pingEvery)
}

// Connect begins to listen. The other nodes are told by Know.
func Connect(o Options) (*Network, error) {
	at, err := newAddress(o.Listen, o.Advertise, o.Server)
	if err != nil {
		return nil, err
	}
	n := &Network{
		options: o, address: at,
		members: make(chan library.Members, 1), pokes: make(chan struct{}, 1), closed: make(chan struct{}),
		pings: map[string]*ping{}, status: func(chain string) *messages.ChainStatus { return &messages.ChainStatus{Chain: chain} },
	}
	log := slog.New(slog.DiscardHandler)
	if o.Log.Enabled(context.Background(), slog.LevelDebug) {
		log = o.Log
	}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	provider := &provider{started: make(chan struct{})}
	cfg := library.Configure(o.Cluster, provider, lookup{n}, remote.Configure(at.bracketed(), at.port,
		remote.WithAdvertisedHost(at.advertised), remote.WithEndpointWriterQueueSize(queue), remote.WithEndpointManagerQueueSize(queue),
	))
	// Who lives is decided elsewhere: the library would never take back whom it has
	// once missed.
	cfg.HeartbeatExpiration = 100 * 365 * 24 * time.Hour
	cfg.GossipInterval = 5 * time.Second
	n.cluster = library.New(system, cfg)
	if _, err := system.Root.SpawnNamed(actor.PropsFromFunc(n.receive), peerName); err != nil {
		return nil, fmt.Errorf("starting the cluster: %w", err)
	}
	if err := provider.start(n.cluster); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", o.Listen, err)
	}
	go n.update()
	return n, nil
}

// Address is what this node advertises.
func (n *Network) Address() string { return n.address.advertised }

// Pokes implements Peers.
func (n *Network) Pokes() <-chan struct{} { return n.pokes }

// Close stops listening.
func (n *Network) Close() {
	close(n.closed)
	n.cluster.Shutdown(false)
}

// Serve sets what this node answers about a chain that is its own.
func (n *Network) Serve(status func(chain string) *messages.ChainStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status = status
}

func (n *Network) receive(c actor.Context) {
	n.mu.Lock()
	me, status := n.me, n.status
	n.mu.Unlock()
	switch m := c.Message().(type) {
	case *messages.Poke:
		select {
		case n.pokes <- struct{}{}:
		default:
		}
	case *messages.Ping:
		c.Respond(&messages.Pong{Node: me})
	case *messages.ChainRequest:
		c.Respond(status(m.Chain))
	}
}

// Know implements Peers.
func (n *Network) Know(me string, nodes []persistence.Node, owners map[string]string) {
	n.mu.Lock()
	changed := n.me != me || len(nodes) != len(n.nodes)
	known := map[string]persistence.Node{}
	for _, node := range nodes {
		known[node.ID] = node
		changed = changed || n.nodes[node.ID].Address != node.Address
	}
	n.me, n.nodes, n.owners = me, known, owners
	n.mu.Unlock()
	if changed {
		n.tell(nodes)
	}
	n.ping()
}

// tell hands the members to the library, whose answer may take seconds.
func (n *Network) tell(nodes []persistence.Node) {
	var members library.Members
	for _, node := range nodes {
		host, port, err := net.SplitHostPort(node.Address)
		number, bad := strconv.ParseInt(port, 10, 32)
		if err != nil || bad != nil {
			continue // whatever wrote that is no node of ours
		}
		members = append(members, &library.Member{Id: node.ID, Host: host, Port: int32(number), Kinds: []string{chainKind}})
	}
	select {
	case <-n.members: // nobody has got round to those
	default:
	}
	n.members <- members
}

func (n *Network) update() {
	for {
		select {
		case members := <-n.members:
			n.cluster.MemberList.UpdateClusterTopology(members)
		case <-n.closed:
			return
		}
	}
}

// Poke implements Peers.
func (n *Network) Poke(id string) {
	if pid, ok := n.peer(id); ok {
		n.cluster.ActorSystem.Root.Send(pid, &messages.Poke{})
	}
}

// peer is the actor to write to at another node.
func (n *Network) peer(id string) (*actor.PID, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node, ok := n.nodes[id]
	return actor.NewPID(node.Address, peerName), ok
}

// Unreachable implements Peers.
func (n *Network) Unreachable() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var ids []string
	for id, p := range n.pings {
		if p.failed() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ping tries now and then whether the other nodes are where they say.
func (n *Network) ping() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range n.pings {
		if _, known := n.nodes[id]; !known {
			delete(n.pings, id)
		}
	}
	for id, node := range n.nodes {
		p := n.pings[id]
		if p == nil {
			p = &ping{}
			n.pings[id] = p
		}
		if id == n.me || time.Now().Before(p.due()) {
			continue
		}
		p.at = time.Now()
		go n.pinged(p, node)
	}
}

func (n *Network) pinged(p *ping, node persistence.Node) {
	answer, err := n.ask(actor.NewPID(node.Address, peerName), &messages.Ping{})
	if pong, ok := answer.(*messages.Pong); err == nil && (!ok || pong.Node != "" && pong.Node != node.ID) {
		err = fmt.Errorf("somebody else answers there, %q", pong.GetNode())
	}
	n.mu.Lock()
	before := p.failed()
	if p.failures++; err == nil {
		p.failures = 0
	}
	after := p.failed()
	_, still := n.nodes[node.ID]
	n.mu.Unlock()
	switch {
	case !still: // it is gone
	case after && !before:
		n.options.Log.Warn("a node cannot be reached where it says: chains move there a moment later than they could; see to its cluster.listen and cluster.advertise",
			"node", node.ID, "address", node.Address, "reason", err)
	case before && !after:
		n.options.Log.Info("a node can be reached again", "node", node.ID, "address", node.Address)
	}
}

func (n *Network) ask(pid *actor.PID, message any) (any, error) {
	return n.cluster.ActorSystem.Root.RequestFuture(pid, message, pingTimeout).Result()
}

// ErrNoOwner says that no living node has a chain.
var ErrNoOwner = errors.New("no node has the chain")

// Chain asks the owner of a chain, wherever that is, how it is.
func (n *Network) Chain(chain string) (*messages.ChainStatus, error) {
	pid := n.cluster.Get(chain, chainKind)
	if pid == nil {
		return nil, ErrNoOwner
	}
	answer, err := n.ask(pid, &messages.ChainRequest{Chain: chain})
	if err != nil {
		return nil, fmt.Errorf("asking the owner of %s at %s: %w", chain, pid.Address, err)
	}
	status, ok := answer.(*messages.ChainStatus)
	if !ok {
		return nil, fmt.Errorf("the owner of %s at %s answers with %T", chain, pid.Address, answer)
	}
	return status, nil
}

// provider gives the library its cluster; members come by Know.
type provider struct{ started chan struct{} }

// start starts the library, which takes a second after it has.
func (p *provider) start(c *library.Cluster) error {
	failed := make(chan error, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				failed <- fmt.Errorf("%v", reason)
			}
		}()
		c.StartMember()
	}()
	select {
	case <-p.started:
		return nil
	case err := <-failed:
		return err
	}
}

// StartMember implements library.ClusterProvider.
func (p *provider) StartMember(*library.Cluster) error {
	close(p.started)
	return nil
}

// StartClient implements library.ClusterProvider.
func (p *provider) StartClient(*library.Cluster) error { return nil }

// Shutdown implements library.ClusterProvider.
func (p *provider) Shutdown(bool) error { return nil }

// lookup finds chains where their leases say. It never starts anything.
type lookup struct{ n *Network }

// Get implements library.IdentityLookup.
func (l lookup) Get(identity *library.ClusterIdentity) *actor.PID {
	l.n.mu.Lock()
	owner := l.n.owners[identity.Identity]
	l.n.mu.Unlock()
	pid, known := l.n.peer(owner)
	if identity.Kind != chainKind || !known {
		return nil
	}
	return pid
}

// RemovePid implements library.IdentityLookup.
func (lookup) RemovePid(*library.ClusterIdentity, *actor.PID) {}

// Setup implements library.IdentityLookup.
func (lookup) Setup(*library.Cluster, []string, bool) {}

// Shutdown implements library.IdentityLookup.
func (lookup) Shutdown() {}
