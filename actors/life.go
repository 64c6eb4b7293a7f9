package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// claimAgain bounds the wait between two claims. They cost a store that is away
// nothing, and it must not be back for long before they notice.
const claimAgain = 2 * time.Second

// What only people read is written within reportTimeout, or tried again after
// reportAgain.
const (
	reportTimeout = 5 * time.Second
	reportAgain   = time.Second
)

// shared is what the actors of a chain have in common.
type shared struct {
	system      *actor.ActorSystem
	store       persistence.Store
	log         *slog.Logger
	node        string
	supervision supervision
	background  background
	health      *Health
	budget      *budget
}

// background is writes that outlive their actors: those of one chain, which are
// among the whole node's.
type background struct{ chain, node *sync.WaitGroup }

func (b background) Go(write func()) {
	b.node.Add(1)
	b.chain.Go(func() {
		defer b.node.Done()
		write()
	})
}

// part is what an actor does between its claim and its end. Everything happens
// on the actor's own thread; none of it blocks.
type part interface {
	// begin is called once the actor's document is claimed.
	begin(l *life)
	receive(l *life, message any)
	// end is called when the actor stops or fails, if it had begun.
	end(l *life)
}

// life is one incarnation of an actor. It claims the actor's document before
// anything else, runs slow work aside, and drops what comes back to an earlier
// incarnation.
type life struct {
	*shared
	part  part
	claim persistence.Claim
	epoch epochFunc

	actor.Context // of the message in hand
	ctx           context.Context
	cancel        context.CancelFunc
	aside         sync.WaitGroup    // slow work under way
	doc           persistence.Actor // as claimed
	begun         bool
	early         []any // messages that came before the claim was through
	report        persistence.Report
	reported      persistence.Report
	reporting     bool
}

// result is what came of slow work: a message for the incarnation that asked.
type result struct {
	of      *life
	message any
}

// claimed is the result of a claim.
type claimed struct {
	doc      persistence.Actor
	restarts int64
}

// props makes an actor of a part. Every incarnation is a new life with a new part.
func props(s *shared, claim persistence.Claim, epoch epochFunc, newPart func() part) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &life{shared: s, part: newPart(), claim: claim, epoch: epoch}
	}, actor.WithSupervisor(s.supervision))
}

// keyOf is the key of an actor's document: its place in the tree of actors.
func keyOf(pid *actor.PID) string { return strings.TrimPrefix(pid.Id, rootName+"/") }

// Receive implements actor.Actor.
func (l *life) Receive(c actor.Context) {
	l.Context = c
	defer l.noteFailure()
	switch m := c.Message().(type) {
	case *actor.Started:
		l.ctx, l.cancel = context.WithCancel(context.Background())
		l.do(l.claimDocument)
	case *actor.Stopping:
		l.finish()
		l.writeAside(persistence.Report{Status: persistence.Stopped})
	case *actor.Restarting:
		l.finish()
	case *actor.Stopped:
	case restart:
		if m.of == actor.Actor(l) && l.ctx.Err() == nil {
			m.now()
		}
	case error: // an error sent to an actor fails it, as tests do
		panic(m)
	case result:
		if m.of == l {
			l.handle(m.message)
		}
	default:
		l.handle(m)
	}
}

func (l *life) handle(message any) {
	switch m := message.(type) {
	case error:
		l.fail(m)
	case claimed:
		l.begin(m)
	case takenOver:
		l.fenced(m.epoch)
	case reportWritten:
		if m.err != nil { // said again, whatever there is to say by then
			l.reported = persistence.Report{}
			l.after(reportAgain, reportWritten{})
			return
		}
		l.reporting = false
		l.writeReport()
	default:
		if !l.begun {
			l.early = append(l.early, m)
			return
		}
		l.part.receive(l, m)
	}
}

// do runs slow work aside. What it returns comes back as a message, unless the
// actor has ended by then; an error fails the actor.
func (l *life) do(work func(context.Context) any) {
	self, ctx, root := l.Self(), l.ctx, l.system.Root
	l.aside.Go(func() { root.Send(self, result{l, safely(ctx, work)}) })
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

// after sends the actor a message when some time has passed. An actor that has
// ended by then drops it.
func (l *life) after(d time.Duration, message any) {
	self, root := l.Self(), l.system.Root
	time.AfterFunc(d, func() { root.Send(self, result{l, message}) })
}

// claimDocument claims the actor's document, however long that takes: while a store
// is away all its actors wait here, once each restarted at most.
func (l *life) claimDocument(ctx context.Context) any {
	for failures := 1; ; failures++ {
		message, err := l.tryClaim(ctx)
		if err == nil {
			return message
		}
		delay := min(l.supervision.backoff.delay(failures), claimAgain)
		l.supervision.logRepeat(failures, "actor waits for its document", "actor", l.claim.ID, "reason", firstLine(err.Error()), "in", delay.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

func (l *life) tryClaim(ctx context.Context) (message any, err error) {
	claim := l.claim
	last := l.supervision.failures.get(claim.ID)
	claim.Node, claim.Restarts, claim.LastError = l.node, last.pending, last.reason
	if claim.Epoch, err = l.epoch(ctx); err != nil {
		return nil, err
	}
	doc, err := l.store.Claim(ctx, claim)
	switch {
	case errors.Is(err, persistence.ErrFenced):
		return takenOver{claim.Epoch}, nil
	case err != nil:
		return nil, fmt.Errorf("claiming %s: %w", claim.ID, err)
	}
	return claimed{doc, last.pending}, nil
}

// takenOver says that a claim met a higher epoch.
type takenOver struct{ epoch int64 }

func (l *life) begin(c claimed) {
	l.supervision.failures.counted(l.claim.ID, c.restarts)
	l.doc = c.doc
	if l.begun { // claimed again by the part itself
		l.part.receive(l, c)
		return
	}
	l.begun = true
	l.report = c.doc.Report
	l.report.LastError = ""
	l.part.begin(l)
	for len(l.early) > 0 {
		message := l.early[0]
		l.early = l.early[1:]
		l.part.receive(l, message)
	}
}

// well ends the row of failures that led here.
func (l *life) well() { l.supervision.failures.ended(l.claim.ID) }

// fail ends this incarnation: its supervisor begins the next one.
func (l *life) fail(err error) { panic(err) }

// fenced tells the chain that it has another owner. Nothing more is done here.
func (l *life) fenced(epoch int64) {
	l.Send(l.Parent(), messages.Fenced{Chain: l.claim.Chain, Epoch: epoch})
}

func (l *life) finish() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.begun {
		l.begun = false
		l.part.end(l)
	}
	for _, m := range l.early { // for the next incarnation, which asks for the head itself
		if _, head := m.(messages.Head); !head {
			l.Send(l.Self(), m)
		}
	}
	l.early = nil
}

// noteFailure remembers why an actor fails and says so on its document.
func (l *life) noteFailure() {
	reason := recover()
	if reason == nil {
		return
	}
	text := firstLine(fmt.Sprint(reason))
	l.supervision.failures.add(l.claim.ID, text, 2*l.supervision.backoff.Max)
	l.finish()
	state := persistence.Retrying
	if l.supervision.stopping.is() {
		state, text = persistence.Stopped, ""
	}
	l.writeAside(persistence.Report{Status: state, LastError: text})
	panic(reason)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	const most = 500
	return strings.ToValidUTF8(line[:min(len(line), most)], "")
}

// oneLine is an error in one line.
func oneLine(err error) string { return firstLine(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// writeAside writes a last report that nobody waits for.
func (l *life) writeAside(r persistence.Report) {
	if l.doc.ID == "" {
		return
	}
	r.Head, r.Finalized, r.Lag, r.Place = l.report.Head, l.report.Finalized, l.report.Lag, l.report.Place
	r.Endpoints = l.report.Endpoints
	ref, store := l.doc.Ref(), l.store
	l.background.Go(func() {
		l.aside.Wait() // what is on its way to the document comes first
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		defer cancel()
		_ = store.Report(ctx, ref, r) // the next claim writes what is missing
	})
}

// reportWritten is the result of writing a report.
type reportWritten struct{ err error }

// say puts a report on the actor's document, the newest when they come too fast.
func (l *life) say(r persistence.Report) {
	l.report = r
	l.writeReport()
}

func (l *life) writeReport() {
	if l.reporting || reflect.DeepEqual(l.report, l.reported) {
		return
	}
	l.reporting, l.reported = true, l.report
	r, ref := l.report, l.doc.Ref()
	l.do(func(ctx context.Context) any {
		// Not cut off when the actor ends: the server would go on with it, and it could
		// come after the actor's last report.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
		defer cancel()
		return reportWritten{l.store.Report(ctx, ref, r)}
	})
}
