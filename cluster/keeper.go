// Package cluster makes one cluster of all processes on one database: they find each
// other there, share the chains out among them, and take over from whoever dies.
//
// A Keeper runs in each process. It beats, looks at the others' beats and at the
// chains' leases, plans who ought to have which chain, and sees to its own part:
// takes what is free and planned for it, and gives away what is planned for others.
// No node is special and no clock is compared. Who owns a chain is decided by its
// lease alone; messages between nodes only spare them waiting.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/persistence"
)

// Protocol is the version of what nodes expect of each other.
const Protocol = 1

const (
	// callTimeout bounds one call of the registry that all others wait for.
	callTimeout = 5 * time.Second
	// takeTimeout bounds a take, in which the transactions of a dead owner are ended.
	takeTimeout = 10 * time.Second
	// drainTimeout bounds how long a release waits for the chain's actors. What they
	// write later is fenced.
	drainTimeout = 5 * time.Second
	// leaveTimeout bounds how long a node that leaves gives its chains away.
	leaveTimeout = 12 * time.Second
	// atOnce bounds how many chains a node takes and gives away at once.
	atOnce = 16
)

// Host runs the chains that this node owns. actors.Node is one.
type Host interface {
	Own(chain string, epoch int64)
	Drain(chain string) <-chan struct{}
	Lost() <-chan actors.Loss
}

// Peers are the other nodes as messages reach them. Nothing depends on it that a
// message arrives.
type Peers interface {
	// Know tells who this node is, which nodes there are, and the owner of each chain.
	Know(me string, nodes []persistence.Node, owners map[string]string)
	// Poke tells a node to look at once.
	Poke(node string)
	// Pokes yields what others have poked.
	Pokes() <-chan struct{}
	// Unreachable are the nodes that messages do not reach.
	Unreachable() []string
}

// Config is what a Keeper needs.
type Config struct {
	Registry persistence.Registry
	Host     Host
	Peers    Peers
	// Node is how this node presents itself: name, address, chains and version.
	Node      persistence.Node
	Poll, TTL time.Duration
	Log       *slog.Logger
	Watch     Watch // told what happens; nobody if nil
}

// Keeper is this process's part in the cluster.
type Keeper struct {
	cfg     Config
	me      persistence.Node
	member  bool
	rejoins bool // it has been a member
	leaving bool
	unfit   error            // why this node cannot be a member
	holds   map[string]*hold // by chain

	outcomes chan func() // of what runs aside, for the loop to note
	ended    chan struct{}
	again    chan struct{} // asks for another look
	busy     int           // takes and hand-overs under way
	silence  silence
	known    sight
	warned   map[string]bool

	mu      sync.Mutex
	health  health
	shown   map[string]hold // the holds, for others to read
	shownAs string          // this node's ID
	turned  time.Time       // when the loop last came round
}

// hold is a chain that is this node's, or about to be, or about not to be.
type hold struct {
	lease persistence.Lease
	phase phase
}

type phase int

const (
	taking phase = iota
	running
	ending
)

func (p phase) String() string { return [...]string{"taking", "running", "ending"}[p] }

// New makes a keeper. Run does the work.
func New(cfg Config) *Keeper {
	if cfg.Watch == nil {
		cfg.Watch = nobody{}
	}
	return &Keeper{
		cfg: cfg, holds: map[string]*hold{}, outcomes: make(chan func()), ended: make(chan struct{}),
		again: make(chan struct{}, 1), silence: silence{poll: cfg.Poll, ttl: cfg.TTL}, warned: map[string]bool{},
	}
}

// Run takes part in the cluster until the context ends; then it gives its chains
// away and leaves. An error says that this node cannot be a part of the cluster.
func (k *Keeper) Run(ctx context.Context) error {
	defer close(k.ended)
	k.beat(ctx)
	k.loop(ctx, func() bool { return k.unfit != nil })
	k.leave(context.WithoutCancel(ctx))
	return k.unfit
}

// loop does what is to be done at every beat and whenever something happens.
func (k *Keeper) loop(ctx context.Context, over func() bool) {
	ticker := time.NewTicker(k.cfg.Poll)
	defer ticker.Stop()
	for !over() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if k.beat(ctx) {
				k.look(ctx)
			}
		case <-k.cfg.Peers.Pokes():
			k.look(ctx)
		case <-k.again:
			k.look(ctx)
		case note := <-k.outcomes:
			note()
		case lost := <-k.cfg.Host.Lost():
			k.lost(lost)
		}
		k.show()
	}
}

// show lets others read what this node holds.
func (k *Keeper) show() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turned = time.Now()
	k.shownAs, k.shown = k.me.ID, map[string]hold{}
	for chain, h := range k.holds {
		k.shown[chain] = *h
	}
}

// aside does slow work and then notes what came of it.
func (k *Keeper) aside(work func(ctx context.Context) (note func())) {
	k.busy++
	go func() {
		note := work(context.Background())
		select {
		case k.outcomes <- func() { k.busy--; note() }:
		case <-k.ended:
		}
	}()
}

// lookAgain asks for another look soon.
func (k *Keeper) lookAgain() {
	select {
	case k.again <- struct{}{}:
	default:
	}
}

// beat says that this node lives; false if it has not come through.
func (k *Keeper) beat(ctx context.Context) bool {
	if !k.member {
		return k.rejoin(ctx)
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begun := time.Now()
	me, err := k.cfg.Registry.Beat(within, k.me.ID, persistence.Heartbeat{
		Clock: begun, Leaving: k.leaving, Unreachable: k.cfg.Peers.Unreachable(),
	})
	switch {
	case errors.Is(err, persistence.ErrDeclaredDead):
		k.buried()
		return k.rejoin(ctx)
	case err != nil:
		k.away(ctx, begun, err)
		return false
	}
	k.me = me
	k.cfg.Watch.Beat()
	k.checkClock(me)
	return true
}

// buried gives everything up: others take this node for dead, and its chains.
func (k *Keeper) buried() {
	k.cfg.Log.Warn("the others have taken this node for dead, as after a pause or a cut: it stops its chains and joins anew",
		"node", k.me.ID, "chains", len(k.holds))
	for _, chain := range slices.Sorted(maps.Keys(k.holds)) {
		k.cfg.Host.Drain(chain)
		k.cfg.Watch.Released(chain)
	}
	clear(k.holds)
	k.member = false
}

func (k *Keeper) rejoin(ctx context.Context) bool {
	if k.leaving {
		return false
	}
	begun := time.Now()
	switch err := k.join(ctx); {
	case errors.Is(err, ErrIncompatible):
		k.unfit = err
		return false
	case err != nil:
		k.away(ctx, begun, err)
		return false
	}
	if k.rejoins {
		k.cfg.Watch.Rejoined()
	}
	k.rejoins = true
	return true
}

// join makes this process a new node, unless it cannot work with those that are
// there.
func (k *Keeper) join(ctx context.Context) error {
	if err := k.compatible(ctx); err != nil {
		return err
	}
	me := k.cfg.Node
	me.ID = me.Name + "." + strings.ToLower(rand.Text()[:6])
	me.State, me.Protocol, me.Beat, me.Clock = persistence.Up, Protocol, 1, time.Now()
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := k.cfg.Registry.Join(within, me); err != nil {
		return fmt.Errorf("joining the cluster: %w", err)
	}
	k.me, k.member = me, true
	k.cfg.Log.Info("joined the cluster", "node", me.ID, "address", me.Address, "chains", len(me.Chains))
	return nil
}

// look sees who lives and who owns what, and does this node's part of the plan.
func (k *Keeper) look(ctx context.Context) {
	if !k.member {
		return
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begun := time.Now()
	nodes, leases, err := k.cfg.Registry.Members(within)
	if err != nil {
		k.away(ctx, begun, err)
		return
	}
	k.present()
	nodes = k.bury(within, nodes)
	now := newSight(nodes, leases, k.known)
	k.compare(now)
	k.known = now
	if k.unfit != nil {
		return
	}
	k.cfg.Watch.Members(now.byState())
	k.cfg.Peers.Know(k.me.ID, now.living(), now.owners())
	k.act(plan(now.living(), now.owners()))
}

// bury declares dead those that have been silent for too long. One that has this
// node's own address, and was never heard, is likely to be this process's predecessor,
// and is given less time.
func (k *Keeper) bury(ctx context.Context, nodes []persistence.Node) []persistence.Node {
	may := func(n persistence.Node, heard bool) time.Duration {
		if n.Address == k.me.Address && !heard {
			return k.cfg.TTL / 2
		}
		return k.cfg.TTL
	}
	others := slices.DeleteFunc(slices.Clone(nodes), func(n persistence.Node) bool { return n.ID == k.me.ID })
	for _, dead := range k.silence.look(time.Now(), others, may) {
		ended, err := k.cfg.Registry.Bury(ctx, dead.ID, dead.Beat)
		if err != nil || !ended {
			continue // it has beaten after all, or somebody else was first
		}
		k.cfg.Watch.Buried()
		k.cfg.Log.Warn("a node has died: its chains move", "node", dead.ID, "address", dead.Address)
		for i := range nodes {
			if nodes[i].ID == dead.ID {
				nodes[i].State = persistence.Dead
			}
		}
	}
	return nodes
}

// act does this node's part of a plan.
func (k *Keeper) act(planned map[string]string) {
	for _, c := range k.me.Chains {
		if k.busy >= atOnce {
			return // what is under way looks again when it is done
		}
		chain, to := c.Name, planned[c.Name]
		lease, h := k.known.lease(chain), k.holds[chain]
		switch {
		case h != nil && h.phase != running:
		case h != nil && lease.Epoch > h.lease.Epoch:
			k.lost(actors.Loss{Chain: chain, Epoch: h.lease.Epoch})
		case h != nil && to != "" && to != k.me.ID:
			k.giveAway(chain, h, to)
		case h != nil:
		case to == k.me.ID && k.known.free(lease, k.me.ID):
			k.take(lease)
		case to != k.me.ID && lease.Node == k.me.ID: // what is left of a take whose answer was lost
			k.release(lease, to)
		}
	}
}
