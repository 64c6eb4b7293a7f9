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
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/persistence"
)

// Protocol is the version of what nodes expect of each other.
const Protocol = 1

const (
	// callTimeout bounds one call of the registry that all others wait for.
	callTimeout = 5 * time.Second
	// acquireTimeout bounds an acquisition, in which the transactions of a dead owner are
	// ended.
	acquireTimeout = 10 * time.Second
	// drainTimeout bounds how long a release waits for the chain's actors. What they
	// write later is fenced.
	drainTimeout = 5 * time.Second
	// leaveTimeout bounds how long a node that leaves gives its chains away.
	leaveTimeout = 12 * time.Second
	// atOnce bounds how many chains a node acquires and gives away at the same time.
	atOnce = 16
)

// Host runs the chains that this node owns. actors.Node is one.
type Host interface {
	// Trust says that no other node takes over a chain that this node owns before a time.
	Trust(until time.Time)
	Own(chain string, epoch int64)
	Drain(chain string) <-chan struct{}
	Lost() <-chan actors.Loss
}

// Config is what a Coordinator needs.
type Config struct {
	Registry persistence.Registry
	Host     Host
	// Node is how this node presents itself: name, chains and version.
	Node      persistence.Node
	Poll, TTL time.Duration // between heartbeats, and of silence that means death
	Log       *slog.Logger
	Metrics   Metrics // none if nil
	// Changed, if set, is called soon after chains, nodes or requests have changed. It must not
	// block.
	Changed func()
}

// Coordinator is this process's part in the cluster. One goroutine, that of Run, decides
// everything; slow calls run beside it and tell it their outcomes.
type Coordinator struct {
	cfg     Config
	me      persistence.Node
	member  bool
	rejoins bool // it has been a member
	leaving bool
	unfit   error                 // why this node cannot be a member
	owned   map[string]*ownership // by chain

	outcomes chan func() // of what runs beside the loop, for it to note
	ended    chan struct{}
	again    chan struct{} // asks for another look
	changes  changes
	busy     int // acquisitions and hand-overs under way
	detector detector
	known    snapshot
	warned   map[string]bool
	// ownerless are the chains that have no living owner.
	ownerless map[string]outage.Outage

	mu        sync.Mutex
	health    health
	published view
	turned    time.Time // when the loop last came round
}

// ownership is a chain that this node owns, or is acquiring or giving up.
type ownership struct {
	lease persistence.Lease
	phase phase
}

type phase int

const (
	acquiring phase = iota // its lease is not known yet
	running                // its actors run here
	stopping               // its actors are being stopped, then it is released
)

func (p phase) String() string { return [...]string{"acquiring", "running", "stopping"}[p] }

// New makes a coordinator. Run does the work.
func New(cfg Config) *Coordinator {
	if cfg.Metrics == nil {
		cfg.Metrics = noMetrics{}
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	return &Coordinator{
		cfg: cfg, owned: map[string]*ownership{}, outcomes: make(chan func()), ended: make(chan struct{}),
		again: make(chan struct{}, 1), detector: newDetector(cfg), warned: map[string]bool{},
		ownerless: map[string]outage.Outage{},
	}
}

func newDetector(cfg Config) detector {
	return detector{poll: cfg.Poll, ttl: cfg.TTL, name: cfg.Node.Name}
}

// Run takes part in the cluster until the context ends; then it gives its chains
// away and leaves. An error says that this node cannot be a part of the cluster.
func (c *Coordinator) Run(ctx context.Context) error {
	defer close(c.ended)
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { c.watch(beside) })
	running.Go(func() { c.answer(beside) })
	defer running.Wait()
	defer stop()
	c.heartbeat(ctx)
	c.loop(ctx, func() bool { return c.unfit != nil })
	c.leave(context.WithoutCancel(ctx))
	return c.unfit
}

// loop acts at every heartbeat and on every event.
func (c *Coordinator) loop(ctx context.Context, over func() bool) {
	ticker := time.NewTicker(c.cfg.Poll)
	defer ticker.Stop()
	for !over() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if c.heartbeat(ctx) {
				c.look(ctx)
			}
		case <-c.again:
			c.look(ctx)
		case note := <-c.outcomes:
			note()
		case lost := <-c.cfg.Host.Lost():
			c.lost(lost)
		}
		c.publish()
	}
}

// publish lets others read what this node owns and knows.
func (c *Coordinator) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turned = time.Now()
	c.published = view{owned: map[string]ownership{}, known: c.known}
	if c.member {
		c.published.node = c.me.ID
	}
	for chain, o := range c.owned {
		c.published.owned[chain] = *o
	}
}

// beside runs slow work beside the loop, which then notes its outcome.
func (c *Coordinator) beside(work func(ctx context.Context) (note func())) {
	c.busy++
	go func() {
		note := work(context.Background())
		select {
		case c.outcomes <- func() { c.busy--; note() }:
		case <-c.ended:
		}
	}()
}

// lookAgain asks for another look soon.
func (c *Coordinator) lookAgain() {
	select {
	case c.again <- struct{}{}:
	default:
	}
}

// heartbeat says that this node lives; false if that has not reached the registry.
func (c *Coordinator) heartbeat(ctx context.Context) bool {
	if !c.member {
		return c.rejoin(ctx)
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begun := time.Now()
	me, err := c.cfg.Registry.Heartbeat(within, c.me.ID, persistence.Heartbeat{Clock: begun, Leaving: c.leaving})
	switch {
	case errors.Is(err, persistence.ErrDeclaredDead):
		c.declaredDead()
		return c.rejoin(ctx)
	case err != nil:
		c.away(ctx, begun, err)
		return false
	}
	c.me = me
	c.trust(begun)
	c.cfg.Metrics.Heartbeat()
	c.checkClock(me)
	return true
}

// trust notes that a heartbeat was made, which others see no earlier than it began: none
// declares this node dead until a ttl later, and one of the same name until half of that.
func (c *Coordinator) trust(begun time.Time) { c.cfg.Host.Trust(begun.Add(c.cfg.TTL / 2)) }

// declaredDead gives everything up: the others have declared this node dead and take its
// chains over.
func (c *Coordinator) declaredDead() {
	c.cfg.Log.Warn("the others have declared this node dead, as after a pause or a cut: it stops its chains and joins again",
		"node", c.me.ID, "chains", len(c.owned))
	for _, chain := range slices.Sorted(maps.Keys(c.owned)) {
		c.cfg.Host.Drain(chain)
		c.cfg.Metrics.Released(chain)
	}
	clear(c.owned)
	c.member = false
}

func (c *Coordinator) rejoin(ctx context.Context) bool {
	if c.leaving {
		return false
	}
	begun := time.Now()
	switch err := c.join(ctx); {
	case errors.Is(err, ErrIncompatible):
		c.unfit = err
		return false
	case err != nil:
		c.away(ctx, begun, err)
		return false
	}
	if c.rejoins {
		c.cfg.Metrics.Rejoined()
	}
	c.rejoins = true
	return true
}

// join makes this process a new node, unless it cannot work with the living ones.
func (c *Coordinator) join(ctx context.Context) error {
	if err := c.compatible(ctx); err != nil {
		return err
	}
	me := c.cfg.Node
	me.ID = me.Name + "." + strings.ToLower(rand.Text()[:6])
	me.State, me.Protocol, me.Heartbeats, me.Clock = persistence.Up, Protocol, 1, time.Now()
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.cfg.Registry.Join(within, me); err != nil {
		return fmt.Errorf("joining the cluster: %w", err)
	}
	c.me, c.member = me, true
	c.trust(me.Clock)
	c.cfg.Log.Info("joined the cluster", "node", me.ID, "chains", len(me.Chains))
	return nil
}

// look reads the cluster, and does this node's part of the plan.
func (c *Coordinator) look(ctx context.Context) {
	if !c.member {
		return
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begun := time.Now()
	nodes, leases, err := c.cfg.Registry.Members(within)
	if err != nil {
		c.away(ctx, begun, err)
		return
	}
	c.present()
	nodes = c.declareDead(within, nodes)
	now := newSnapshot(nodes, leases, c.known)
	c.compare(now)
	c.known = now
	c.checkOwners(now, time.Now())
	if c.unfit != nil {
		return
	}
	c.cfg.Metrics.Members(now.byState())
	c.act(plan(now.living(), now.owners()))
}

// declareDead declares the nodes dead that have been silent for too long.
func (c *Coordinator) declareDead(ctx context.Context, nodes []persistence.Node) []persistence.Node {
	c.detector.look(time.Now(), slices.DeleteFunc(slices.Clone(nodes), func(n persistence.Node) bool { return n.ID == c.me.ID }))
	for i, n := range nodes {
		if !c.detector.dead(n) {
			continue
		}
		ended, err := c.cfg.Registry.DeclareDead(ctx, n.ID, n.Heartbeats)
		if err != nil || !ended {
			continue // it lives after all, or another node was quicker
		}
		c.cfg.Metrics.DeclaredDead()
		c.cfg.Log.Warn("a node has died: its chains move", "node", n.ID)
		nodes[i].State = persistence.Dead
	}
	return nodes
}

// act does this node's part of a plan.
func (c *Coordinator) act(planned map[string]string) {
	for _, configured := range c.me.Chains {
		if c.busy >= atOnce {
			return // the end of a running operation calls act again
		}
		chain, to := configured.Name, planned[configured.Name]
		lease, o := c.known.lease(chain), c.owned[chain]
		switch {
		case o != nil && o.phase != running:
		case o != nil && lease.Epoch > o.lease.Epoch:
			c.lost(actors.Loss{Chain: chain, Epoch: o.lease.Epoch})
		case o != nil && to != "" && to != c.me.ID:
			c.handOver(chain, o, to)
		case o != nil:
		case to == c.me.ID && c.known.free(lease, c.me.ID):
			c.acquire(lease)
		case to != c.me.ID && lease.Node == c.me.ID: // the lease of an acquisition whose answer was lost
			c.release(lease)
		}
	}
}
