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

	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// claimRetry bounds the wait between two claims. They cost a store that is away nothing,
// and one that is back is to be noticed soon.
const claimRetry = 2 * time.Second

// A report is written within reportTimeout, or again after reportRetry.
const (
	reportTimeout = 5 * time.Second
	reportRetry   = time.Second
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
	budget      *budget.Budget
}

// background is the writes that outlive their actors: those of one chain, which are
// among the whole node's.
type background struct{ chain, node *sync.WaitGroup }

func (b background) Go(write func()) {
	b.node.Add(1)
	b.chain.Go(func() {
		defer b.node.Done()
		write()
	})
}

// behaviour is what an actor does once its document is claimed. Its methods are called one
// at a time, and none of them blocks.
type behaviour interface {
	// start is called once the actor's document is claimed.
	start(inc *incarnation)
	receive(inc *incarnation, message any)
	// stop is called when the actor stops or fails, if it was started.
	stop(inc *incarnation)
}

// incarnation is an actor from a start or restart to its failure or stop. It claims the
// actor's document before anything else (P4), runs slow work aside, and drops results that
// an earlier incarnation asked for.
type incarnation struct {
	*shared
	behaviour behaviour
	claim     persistence.Claim
	epoch     epochFunc

	actor.Context // of the message in hand
	ctx           context.Context
	cancel        context.CancelFunc
	aside         sync.WaitGroup    // slow work under way
	doc           persistence.Actor // as claimed
	started       bool
	early         []any // messages that came before the document was claimed
	report        persistence.Report
	reported      persistence.Report
	reporting     bool
}

// result is the result of slow work: a message for the incarnation that asked.
type result struct {
	of      *incarnation
	message any
}

// claimed is the result of a claim.
type claimed struct {
	doc      persistence.Actor
	restarts int64
}

// fencedOff is the result of a claim that met a higher epoch.
type fencedOff struct{ epoch int64 }

// props makes an actor of a behaviour, which is new in every incarnation.
func props(s *shared, claim persistence.Claim, epoch epochFunc, newBehaviour func() behaviour) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &incarnation{shared: s, behaviour: newBehaviour(), claim: claim, epoch: epoch}
	}, actor.WithSupervisor(s.supervision))
}

// keyOf is the key of an actor's document: its path in the tree of actors.
func keyOf(pid *actor.PID) string { return strings.TrimPrefix(pid.Id, rootName+"/") }

// Receive implements actor.Actor.
func (inc *incarnation) Receive(c actor.Context) {
	inc.Context = c
	defer inc.noteFailure()
	switch m := c.Message().(type) {
	case *actor.Started:
		inc.ctx, inc.cancel = context.WithCancel(context.Background())
		inc.do(inc.claimDocument)
	case *actor.Stopping:
		inc.finish()
		inc.writeLast(persistence.Report{Status: persistence.Stopped})
	case *actor.Restarting:
		inc.finish()
	case *actor.Stopped:
	case restart:
		if m.of == actor.Actor(inc) && inc.ctx.Err() == nil {
			m.now()
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

func (inc *incarnation) handle(message any) {
	switch m := message.(type) {
	case error:
		inc.fail(m)
	case claimed:
		inc.handleClaim(m)
	case fencedOff:
		inc.Send(inc.Parent(), messages.Fenced{Chain: inc.claim.Chain, Epoch: m.epoch})
	case reportWritten:
		inc.handleReportWritten(m)
	default:
		if !inc.started {
			inc.early = append(inc.early, m)
			return
		}
		inc.behaviour.receive(inc, m)
	}
}

// do runs slow work aside. What it returns comes back as a message, unless the incarnation
// has ended by then; an error fails the actor.
func (inc *incarnation) do(work func(context.Context) any) {
	self, ctx, root := inc.Self(), inc.ctx, inc.system.Root
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

// after sends the incarnation a message after some time, unless it has ended by then.
func (inc *incarnation) after(d time.Duration, message any) {
	self, root := inc.Self(), inc.system.Root
	time.AfterFunc(d, func() { root.Send(self, result{inc, message}) })
}

// claimDocument claims the actor's document, however long that takes: while a store is
// away all its actors wait here, each restarted once at most.
func (inc *incarnation) claimDocument(ctx context.Context) any {
	for failures := 1; ; failures++ {
		message, err := inc.tryClaim(ctx)
		if err == nil {
			return message
		}
		delay := min(inc.supervision.backoff.delay(failures), claimRetry)
		inc.supervision.logRepeat(failures, "actor waits for its document", "actor", inc.claim.ID, "reason", firstLine(err.Error()), "in", delay.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

func (inc *incarnation) tryClaim(ctx context.Context) (message any, err error) {
	claim := inc.claim
	last := inc.supervision.failures.get(claim.ID)
	claim.Node, claim.Restarts, claim.LastError = inc.node, last.pending, last.reason
	if claim.Epoch, err = inc.epoch(ctx); err != nil {
		return nil, err
	}
	doc, err := inc.store.Claim(ctx, claim)
	switch {
	case errors.Is(err, persistence.ErrFenced):
		return fencedOff{claim.Epoch}, nil
	case err != nil:
		return nil, fmt.Errorf("claiming %s: %w", claim.ID, err)
	}
	return claimed{doc, last.pending}, nil
}

// handleClaim starts the behaviour, or tells it of a claim that it has asked for itself.
func (inc *incarnation) handleClaim(c claimed) {
	inc.supervision.failures.counted(inc.claim.ID, c.restarts)
	inc.doc = c.doc
	if inc.started {
		inc.behaviour.receive(inc, c)
		return
	}
	inc.started = true
	inc.report = c.doc.Report
	inc.report.LastError = ""
	inc.behaviour.start(inc)
	for len(inc.early) > 0 {
		message := inc.early[0]
		inc.early = inc.early[1:]
		inc.behaviour.receive(inc, message)
	}
}

// progressed ends the actor's row of failures.
func (inc *incarnation) progressed() { inc.supervision.failures.ended(inc.claim.ID) }

// fail ends this incarnation: the actor's supervisor starts the next one.
func (inc *incarnation) fail(err error) { panic(err) }

func (inc *incarnation) finish() {
	if inc.cancel != nil {
		inc.cancel()
	}
	if inc.started {
		inc.started = false
		inc.behaviour.stop(inc)
	}
	for _, m := range inc.early { // for the next incarnation, which asks for the head itself
		if _, head := m.(messages.Head); !head {
			inc.Send(inc.Self(), m)
		}
	}
	inc.early = nil
}

// noteFailure remembers why an actor fails and reports it on the actor's document.
func (inc *incarnation) noteFailure() {
	reason := recover()
	if reason == nil {
		return
	}
	text := firstLine(fmt.Sprint(reason))
	inc.supervision.failures.add(inc.claim.ID, text, 2*inc.supervision.backoff.Max)
	inc.finish()
	status := persistence.Retrying
	if inc.supervision.stopping.is() {
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

// oneLine is an error in one line.
func oneLine(err error) string { return firstLine(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// writeLast writes the incarnation's last report. Nothing waits for it.
func (inc *incarnation) writeLast(r persistence.Report) {
	if inc.doc.ID == "" {
		return
	}
	r.Head, r.Finalized, r.Lag, r.Place = inc.report.Head, inc.report.Finalized, inc.report.Lag, inc.report.Place
	r.Endpoints = inc.report.Endpoints
	ref, store := inc.doc.Ref(), inc.store
	inc.background.Go(func() {
		inc.aside.Wait() // what is on its way to the document comes first
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		defer cancel()
		_ = store.Report(ctx, ref, r) // the next claim writes what is missing
	})
}

// reportWritten is the result of writing a report.
type reportWritten struct{ err error }

// setReport puts a report on the actor's document, the newest where they come too fast.
func (inc *incarnation) setReport(r persistence.Report) {
	inc.report = r
	inc.writeReport()
}

func (inc *incarnation) writeReport() {
	if inc.reporting || reflect.DeepEqual(inc.report, inc.reported) {
		return
	}
	inc.reporting, inc.reported = true, inc.report
	r, ref := inc.report, inc.doc.Ref()
	inc.do(func(ctx context.Context) any {
		// Not cancelled when the incarnation ends: the server would finish the write all the
		// same, perhaps after that of the last report.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
		defer cancel()
		return reportWritten{inc.store.Report(ctx, ref, r)}
	})
}

func (inc *incarnation) handleReportWritten(m reportWritten) {
	if m.err != nil { // the report as it is by then is written again
		inc.reported = persistence.Report{}
		inc.after(reportRetry, reportWritten{})
		return
	}
	inc.reporting = false
	inc.writeReport()
}
