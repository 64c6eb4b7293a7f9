// Package supervision runs actors whose state is a document. It knows nothing of streams and
// orders: what an actor does is its Behaviour.
//
// Guaranteed:
//   - an actor claims its document before it does anything else: its incarnation is then
//     one higher, and commits of earlier incarnations are fenced off (P4);
//   - what an earlier incarnation has started slow work for is dropped when it comes back;
//   - an actor that fails is restarted, after a backoff that grows with the failures in a
//     row, and however often; one that has stopped is spawned again. A failure is on the
//     actor's document while it waits, with its reason;
//   - while the store is away actors wait in their claims and are not restarted again;
//   - the last report of an incarnation is written after its others.
//
// An observer whose commit fails at 12:00:00 panics: its document says retrying and why.
// The strategy restarts it 0.2 to 0.3 s later; the new incarnation, 8, claims the document,
// reads from it the place at which 7 has left it, and starts there. Had the commit of 7 only
// been slow, it would now find incarnation 8 on the document and write nothing.
package supervision

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/internal/caller"
	"github.com/imart/event-worker/internal/failpoint"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// Env is what the actors of a chain have in common.
type Env struct {
	System     *actor.ActorSystem
	Store      persistence.Store
	Log        *slog.Logger
	Node       string // its name
	Strategy   Strategy
	Background Background
	Schedule   Schedule // goroutines if nil
}

// Epoch tells an actor the epoch at which its chain is owned.
type Epoch func(context.Context) (int64, error)

// Background is the writes that outlive their actors: those of one chain, which are
// among the whole node's.
type Background struct{ Chain, Node *sync.WaitGroup }

// Go does one of the writes.
func (b Background) Go(write func()) {
	b.Node.Add(1)
	b.Chain.Go(func() {
		defer b.Node.Done()
		write()
	})
}

// Behaviour is what an actor does once its document is claimed. Its methods are called one
// at a time, and none of them blocks.
type Behaviour interface {
	// Start is called once the actor's document is claimed.
	Start(inc *Incarnation)
	// Receive is called for each message to the actor, and for each result of Do and After.
	Receive(inc *Incarnation, message any)
	// Stop is called when the actor stops or fails, if it was started.
	Stop(inc *Incarnation)
}

// Incarnation is an actor from a start or restart to its failure or stop. It claims the
// actor's document before anything else (P4), runs slow work aside, and drops results that
// an earlier incarnation asked for.
type Incarnation struct {
	*Env
	Claim         persistence.Claim
	Doc           persistence.Actor  // as claimed
	Report        persistence.Report // the newest
	actor.Context                    // of the message in hand

	behaviour Behaviour
	epoch     Epoch
	ctx       context.Context
	cancel    context.CancelFunc
	aside     sync.WaitGroup // slow work under way
	started   bool
	early     []any // messages that came before the document was claimed
	reported  persistence.Report
	reporting bool
}

// result is the result of slow work: a message for the incarnation that asked.
type result struct {
	of      *Incarnation
	message any
}

// Props makes an actor of a behaviour, which is new in every incarnation. All of them claim
// the same document.
func Props(env *Env, claim persistence.Claim, epoch Epoch, newBehaviour func() Behaviour) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &Incarnation{Env: env, Claim: claim, behaviour: newBehaviour(), epoch: epoch}
	}, actor.WithSupervisor(env.Strategy), WithMailbox(env.Schedule))
}

// Root is the name of the actor at the root of the tree.
const Root = "node"

// KeyOf is the key of an actor's document: its path in the tree below the root.
func KeyOf(pid *actor.PID) string { return strings.TrimPrefix(pid.Id, Root+"/") }

// ChildOf is the address of an actor's child, which need not exist.
func ChildOf(pid *actor.PID, name string) *actor.PID {
	return actor.NewPID(pid.Address, pid.Id+"/"+name)
}

// Receive implements actor.Actor.
func (inc *Incarnation) Receive(c actor.Context) {
	if failpoint.Enabled {
		defer failpoint.Around(inc.Claim.ID, nameOf(c.Message()))()
	}
	inc.Context = c
	defer inc.noteFailure()
	switch m := c.Message().(type) {
	case *actor.Started:
		inc.ctx, inc.cancel = context.WithCancel(caller.With(context.Background(), inc.Claim.ID))
		inc.Do(inc.claimDocument)
	case *actor.Stopping:
		inc.finish()
		inc.writeLast(persistence.Report{Status: persistence.Stopped})
	case *actor.Restarting:
		inc.finish()
	case *actor.Stopped:
	case Restart:
		if m.Of == actor.Actor(inc) && inc.ctx.Err() == nil {
			m.Now()
		}
	case error: // an error sent to an actor fails it, as tests do
		panic(m)
	case result:
		if m.of == inc {
			inc.handle(m.message)
		}
	default:
		inc.handle(m)
	}
}

// nameOf names a message by its type, or by the type of the result in it.
func nameOf(message any) string {
	if r, ok := message.(result); ok {
		message = r.message
	}
	return fmt.Sprintf("%T", message)
}

func (inc *Incarnation) handle(message any) {
	switch m := message.(type) {
	case error:
		inc.Fail(m)
	case Claimed:
		inc.handleClaim(m)
	case fencedOff:
		inc.Send(inc.Parent(), messages.Fenced{Chain: inc.Claim.Chain, Epoch: m.epoch})
	case reportWritten:
		inc.handleReportWritten(m)
	default:
		if !inc.started {
			inc.early = append(inc.early, m)
			return
		}
		inc.behaviour.Receive(inc, m)
	}
}

// Do runs slow work aside. What it returns comes back as a message, unless the incarnation
// has ended by then; an error fails the actor.
func (inc *Incarnation) Do(work func(context.Context) any) {
	self, ctx, root := inc.Self(), inc.ctx, inc.System.Root
	inc.aside.Go(func() { root.Send(self, result{inc, safely(ctx, work)}) })
}

// safely turns a panic of slow work into an error.
func safely(ctx context.Context, work func(context.Context) any) (message any) {
	defer func() {
		if reason := recover(); reason != nil {
			message = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return work(ctx)
}

// After sends the incarnation a message after some time, unless it has ended by then.
func (inc *Incarnation) After(d time.Duration, message any) {
	self, root := inc.Self(), inc.System.Root
	time.AfterFunc(d, func() { root.Send(self, result{inc, message}) })
}

// Progressed ends the actor's row of failures.
func (inc *Incarnation) Progressed() { inc.Strategy.Failures.ended(inc.Claim.ID) }

// Fail ends this incarnation: the actor's supervisor starts the next one.
func (inc *Incarnation) Fail(err error) { panic(err) }

func (inc *Incarnation) finish() {
	if inc.cancel != nil {
		inc.cancel()
	}
	if inc.started {
		inc.started = false
		inc.behaviour.Stop(inc)
	}
	for _, m := range inc.early { // for the next incarnation, which asks for the head itself
		if _, head := m.(messages.Head); !head {
			inc.Send(inc.Self(), m)
		}
	}
	inc.early = nil
}

// noteFailure remembers why an actor fails and reports it on the actor's document.
func (inc *Incarnation) noteFailure() {
	reason := recover()
	if reason == nil {
		return
	}
	text := firstLine(fmt.Sprint(reason))
	inc.Strategy.Failures.add(inc.Claim.ID, text, 2*inc.Strategy.Backoff.Max)
	inc.finish()
	status := persistence.Retrying
	if inc.Strategy.Stopping() {
		status, text = persistence.Stopped, ""
	}
	inc.writeLast(persistence.Report{Status: status, LastError: text})
	panic(reason)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	const most = 500
	return strings.ToValidUTF8(line[:min(len(line), most)], "")
}

// OneLine is an error in one line.
func OneLine(err error) string { return firstLine(strings.ReplaceAll(err.Error(), "\n", "; ")) }
