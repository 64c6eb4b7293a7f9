// Package actors runs the event worker: the tree of actors that follows chains
// and their markets, and the protocol by which a subject moves its observers.
//
//	node
//	└─ chain                  holds the epoch
//	   ├─ head                follows head, finality and reorganisations
//	   └─ market
//	      ├─ orders           the one writer of the market's documents
//	      └─ worker           one for each stream
//	         ├─ subject       reads the stream and moves the observers
//	         ├─ activity      keeps the log
//	         └─ order-…       keeps the documents
package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// rootName is the name of the node's actor.
const rootName = "node"

// ErrTakenOver says that another node has taken a chain over.
var ErrTakenOver = errors.New("taken over by another process")

// Loss says that another node has taken a chain over from this one, which held it
// at an epoch. It is an ErrTakenOver.
type Loss struct {
	Chain string
	Epoch int64
}

// Error implements error.
func (l Loss) Error() string { return fmt.Sprintf("chain %s: %v", l.Chain, ErrTakenOver) }

// Unwrap returns ErrTakenOver.
func (l Loss) Unwrap() error { return ErrTakenOver }

// Config is what a node runs.
type Config struct {
	Node   string // its name
	Store  persistence.Store
	Log    *slog.Logger
	Chains []Chain
	// Placed chains run only where and while somebody says so, with Own and Drain.
	// Otherwise the node takes all its chains over at the start.
	Placed  bool
	Backoff Backoff // DefaultBackoff if zero
	Tuning  Tuning  // DefaultTuning if zero
	// Memory is how many bytes of decoded events are held at most: what is read ahead
	// and not executed yet, of all chains. DefaultMemory if zero.
	Memory int64
	Health *Health // is told what stands; may be nil

	market func(s *shared, c Chain, m Market, tuning Tuning, epoch epochFunc) *actor.Props // tests have others
}

// epochFunc tells an actor the epoch at which its chain is held.
type epochFunc func(context.Context) (int64, error)

// Chain is a chain to follow.
type Chain struct {
	Name    string
	Chain   chains.Chain
	Poll    time.Duration // how often to look at the head
	Markets []Market
}

// Market is a market to follow, from a place on; usually the one before its first
// block, or its first event.
type Market struct {
	markets.Market
	Start func(stream string) markets.Place
	// Find returns what finds out where a stream begins, instead of Start, when it is
	// followed for the first time; nil for streams that Start knows, as Find itself may be.
	Find func(stream string) func(context.Context) (markets.Place, error)
}

// finder finds out where a stream begins; nil if that is known.
func (m Market) finder(stream string) func(context.Context) (markets.Place, error) {
	if m.Find == nil {
		return nil
	}
	return m.Find(stream)
}

// Node is a running tree of actors.
type Node struct {
	system      *actor.ActorSystem
	supervision supervision
	background  sync.WaitGroup // writes that outlive their actors
	health      *Health
	budget      *budget
	root        *actor.PID
	mu          sync.Mutex
	behind      map[string]bool // streams that have not caught up yet
	caughtUp    chan struct{}
	lost        chan Loss
	stop        sync.Once
	stopped     chan struct{}
	stopErr     error // once stopped
}

// Start starts the actors. They run until Stop.
func Start(cfg Config) (*Node, error) {
	if cfg.Backoff == (Backoff{}) {
		cfg.Backoff = DefaultBackoff
	}
	if cfg.Tuning == (Tuning{}) {
		cfg.Tuning = DefaultTuning
	}
	cfg.Memory = cmp.Or(cfg.Memory, DefaultMemory)
	if cfg.Health == nil {
		cfg.Health = NewHealth()
	}
	if cfg.market == nil {
		cfg.market = marketProps
	}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(errorsOnly{cfg.Log.Handler()})
	}))
	n := &Node{
		system:      system,
		supervision: supervision{cfg.Backoff, newFailures(), cfg.Log, new(stopping)},
		health:      cfg.Health,
		budget:      newBudget(cfg.Memory),
		behind:      map[string]bool{},
		caughtUp:    make(chan struct{}),
		stopped:     make(chan struct{}),
		lost:        make(chan Loss, len(cfg.Chains)),
	}
	for _, c := range cfg.Chains {
		for _, m := range c.Markets {
			for _, s := range m.Streams {
				n.behind[c.Name+"/"+m.Name+"/"+s.Name] = true
			}
		}
	}
	root, err := system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor {
		return newNodeActor(n, cfg)
	}, actor.WithSupervisor(n.supervision)), rootName)
	if err != nil {
		return nil, fmt.Errorf("starting the node: %w", err)
	}
	n.root = root
	return n, nil
}

// CaughtUp is closed when every stream has come to where its chain's head was
// when the stream first saw it.
func (n *Node) CaughtUp() <-chan struct{} { return n.caughtUp }

// Ready is Health's.
func (n *Node) Ready() error { return n.health.Ready() }

// Own runs a chain at an epoch that was taken for it. What it ran at a lower epoch
// stops first; an epoch that is not above all earlier ones changes nothing.
func (n *Node) Own(chain string, epoch int64) {
	n.system.Root.Send(n.root, own{chain, epoch})
}

// Drain stops a chain's actors. The channel is closed when they have written their
// last.
func (n *Node) Drain(chain string) <-chan struct{} {
	done := make(chan struct{})
	n.system.Root.Send(n.root, drain{chain, done})
	return done
}

// Lost yields the chains that other nodes have taken over. Their actors stop here.
func (n *Node) Lost() <-chan Loss { return n.lost }

// Stop stops all actors and waits for what they write last.
func (n *Node) Stop(ctx context.Context) error {
	n.stop.Do(func() {
		n.supervision.stopping.begun.Store(true)
		go func() {
			n.stopErr = n.system.Root.StopFuture(n.root).Wait()
			n.background.Wait()
			n.system.Shutdown()
			close(n.stopped)
		}()
	})
	select {
	case <-n.stopped:
		return n.stopErr
	case <-ctx.Done():
		return fmt.Errorf("stopping: %w", context.Cause(ctx))
	}
}

// lose tells of a lost chain; nobody need listen.
func (n *Node) lose(l Loss) {
	select {
	case n.lost <- l:
	default:
	}
}

func (n *Node) streamCaughtUp(stream string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.behind[stream] {
		return
	}
	delete(n.behind, stream)
	if len(n.behind) == 0 {
		close(n.caughtUp)
	}
}

// chainProps makes the actor of a chain with all that is below it.
// It runs at an epoch that was taken for it; at 0 it takes the chain over itself.
func chainProps(s *shared, c Chain, taken int64, cfg Config) *actor.Props {
	var epoch atomic.Int64
	epoch.Store(taken)
	var view atomic.Pointer[chains.View]
	var stands stand
	held := func(context.Context) (int64, error) { return epoch.Load(), nil }
	take := func(ctx context.Context) (int64, error) {
		if taken > 0 {
			return taken, nil
		}
		e, err := s.store.TakeOver(ctx, c.Name, s.node)
		if err != nil {
			return 0, fmt.Errorf("taking over %s: %w", c.Name, err)
		}
		epoch.Store(e)
		s.log.Info("chain taken", "chain", c.Name, "epoch", e)
		return e, nil
	}
	claim := persistence.Claim{ID: c.Name, Kind: "chain", Chain: c.Name}
	return props(s, claim, take, func() part {
		return &supervisor{children: func(*life) []child {
			headClaim := claim
			headClaim.ID, headClaim.Kind = c.Name+"/head", "head"
			children := []child{{"head", props(s, headClaim, held, func() part {
				return &head{chain: c.Chain, poll: c.Poll, tuning: cfg.Tuning, published: &view, stand: &stands}
			})}}
			for _, m := range c.Markets {
				children = append(children, child{m.Name, cfg.market(s, c, m, cfg.Tuning, held)})
			}
			return children
		}}
	})
}

// marketProps makes the actor of a market with all that is below it.
func marketProps(s *shared, c Chain, m Market, tuning Tuning, epoch epochFunc) *actor.Props {
	claim := persistence.Claim{ID: c.Name + "/" + m.Name, Kind: "market", Chain: c.Name, Market: m.Name}
	return props(s, claim, epoch, func() part {
		return &supervisor{children: func(l *life) []child {
			ordersClaim := claim
			ordersClaim.ID, ordersClaim.Kind = claim.ID+"/orders", "orders"
			ref := persistence.MarketRef{Chain: c.Name, Market: m.Name}
			children := []child{{"orders", props(s, ordersClaim, epoch, func() part { return newOrders(ref) })}}
			ordersPID := childOf(l.Self(), "orders")
			for _, st := range m.Streams {
				w := worker{
					shared: s, epoch: epoch, start: m.Start(st.Name), find: m.finder(st.Name), orders: ordersPID,
					stream: stream{Stream: st, market: ref, chain: c.Chain, Tuning: tuning},
				}
				children = append(children, child{st.Name, w.props()})
			}
			return children
		}}
	})
}

func childOf(pid *actor.PID, name string) *actor.PID {
	return actor.NewPID(pid.Address, pid.Id+"/"+name)
}

// errorsOnly keeps the actor library's log to what this project does not say
// itself.
type errorsOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}
