package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// DefaultMemory is how many bytes of decoded events the subjects of a process hold at
// most, unless configured.
const DefaultMemory = 128 << 20

// ErrTakenOver says that another node has taken a chain over.
var ErrTakenOver = errors.New("taken over by another process")

// Loss says that another node has taken a chain over from this one, which owned it at an
// epoch. It is an ErrTakenOver.
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
	// Placed chains run only between Own and Drain. Otherwise the node takes all its chains
	// over at the start.
	Placed  bool
	Backoff supervision.Backoff // supervision.DefaultBackoff if zero
	Tuning  Tuning              // DefaultTuning if zero
	// Memory is the maximum number of bytes of decoded events that were read and not
	// executed yet, of all chains; DefaultMemory if zero.
	Memory int64
	Health *Health // receives the stalled streams and heads; may be nil
	// Schedule decides when the actors process their messages; goroutines do if it is nil.
	Schedule supervision.Schedule

	market func(s *shared, c Chain, m Market, tuning Tuning, epoch supervision.Epoch) *actor.Props // tests have others
}

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
	// Complete adds data to the events of a page that their raw events lack. The events are
	// on the view's branch. It must complete the same events in the same way whenever they
	// are read again. It may be nil.
	Complete func(ctx context.Context, view *chains.View, events []markets.Event) error
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
	system     *actor.ActorSystem
	strategy   supervision.Strategy
	background sync.WaitGroup // writes that outlive their actors
	health     *Health
	budget     *budget.Budget
	root       *actor.PID
	streams    []string // all of the chains: chain/market/stream
	mu         sync.Mutex
	behind     map[string]bool // streams that have not caught up yet
	paused     map[string]bool // streams that are paused
	caughtUp   chan struct{}
	lost       chan Loss
	stop       sync.Once
	stopped    chan struct{}
	stopErr    error // once stopped
	store      persistence.Store
	hot        hot
	trust      *trust
}

// Start starts the actors. They run until Stop.
func Start(cfg Config) (*Node, error) {
	if cfg.Backoff == (supervision.Backoff{}) {
		cfg.Backoff = supervision.DefaultBackoff
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
		system:   system,
		strategy: supervision.New(cfg.Backoff, cfg.Log),
		health:   cfg.Health,
		budget:   budget.New(cfg.Memory),
		behind:   map[string]bool{},
		paused:   map[string]bool{},
		caughtUp: make(chan struct{}),
		stopped:  make(chan struct{}),
		lost:     make(chan Loss, len(cfg.Chains)),
		store:    cfg.Store,
		hot:      newHot(cfg.Chains),
		trust:    newTrust(cfg.Placed),
	}
	for _, c := range cfg.Chains {
		for _, m := range c.Markets {
			for _, s := range m.Streams {
				stream := c.Name + "/" + m.Name + "/" + s.Name
				n.streams = append(n.streams, stream)
				n.behind[stream] = true
			}
		}
	}
	root, err := system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor {
		return newNodeActor(n, cfg)
	}, actor.WithSupervisor(n.strategy), supervision.WithMailbox(cfg.Schedule)), supervision.Root)
	if err != nil {
		return nil, fmt.Errorf("starting the node: %w", err)
	}
	n.root = root
	return n, nil
}

// CaughtUp is closed when every stream that is not paused has come to its chain's head as it
// was when the stream first saw it.
func (n *Node) CaughtUp() <-chan struct{} { return n.caughtUp }

// Ready is Health's.
func (n *Node) Ready() error { return n.health.Ready() }

// Own runs a chain at an epoch that was taken for it. Actors of a lower epoch are stopped
// first; an epoch that is not above all earlier ones changes nothing.
func (n *Node) Own(chain string, epoch int64) {
	n.trust.own(chain, true)
	n.system.Root.Send(n.root, own{chain, epoch})
}

// Trust says that no other node takes over a chain that this node owns before a time. Until
// then the node answers from memory.
func (n *Node) Trust(until time.Time) { n.trust.extend(until) }

// Drain stops a chain's actors. The channel is closed after their last writes.
func (n *Node) Drain(chain string) <-chan struct{} {
	n.trust.own(chain, false)
	done := make(chan struct{})
	n.system.Root.Send(n.root, drain{chain, done})
	return done
}

// Suspend stops a chain's actors until Proceed; the chain stays owned. The channel is closed
// after their last writes.
func (n *Node) Suspend(chain string) <-chan struct{} {
	done := make(chan struct{})
	n.system.Root.Send(n.root, suspend{chain, done})
	return done
}

// Proceed starts a suspended chain's actors again, unless the chain was drained or lost.
func (n *Node) Proceed(chain string) { n.system.Root.Send(n.root, proceed{chain}) }

// Lost yields the chains that other nodes have taken over. Their actors stop here.
func (n *Node) Lost() <-chan Loss { return n.lost }

// Stop stops all actors and waits for their last writes.
func (n *Node) Stop(ctx context.Context) error {
	n.stop.Do(func() {
		n.strategy.Stop()
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

// lose reports a lost chain. It does not wait for a reader.
func (n *Node) lose(l Loss) {
	select {
	case n.lost <- l:
	default:
	}
}

func (n *Node) streamCaughtUp(m messages.CaughtUp) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.behind)
	delete(n.behind, m.Stream)
	if m.Paused {
		n.paused[m.Stream] = true
		n.passFacts(path.Dir(m.Stream))
	}
	if before > 0 && len(n.behind) == 0 {
		close(n.caughtUp)
	}
}

// passFacts counts a market's facts as caught up if all of its other streams are paused:
// then they do not advance.
func (n *Node) passFacts(market string) {
	for _, stream := range n.streams {
		if path.Dir(stream) == market && path.Base(stream) != markets.StateStream && !n.paused[stream] {
			return
		}
	}
	delete(n.behind, market+"/"+markets.StateStream)
}

// errorsOnly keeps the actor library's log to what this project does not log itself.
type errorsOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}
