package actors

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// head follows the chain's head, its finality and its reorganisations, and publishes what
// it sees as a whole: an actor that missed a view needs only the next (P2). It looks when
// the chain signals a new head, and at intervals.
type head struct {
	chain     chains.Chain
	poll      time.Duration
	tuning    Tuning
	published *atomic.Pointer[chains.View] // it outlives restarts
	stall     *stall                       // so do this
	outage    *outage.Outage               // and this

	endpoints endpoints
	looks     attempt
	missed    bool // the chain signalled a new head during a look
	turn      int  // of the timer of the next look
	condition condition
}

type (
	// look is the head's own timer.
	look struct{ turn int }
	// signalled says that the chain may have a new head.
	signalled struct{}
	// looked is the result of a look.
	looked struct {
		view *chains.View
		err  error
	}
)

func (h *head) Start(inc *supervision.Incarnation) {
	if view := h.published.Load(); view != nil {
		inc.Send(inc.Parent(), messages.Head{View: view})
	}
	h.look(inc)
	h.listen(inc)
	inc.After(h.tuning.Tick, tick{})
}

// Stop leaves the states of the endpoints for the last report, which may say that none of
// them answers.
func (h *head) Stop(inc *supervision.Incarnation) {
	h.condition.clear(inc)
	inc.Report.Endpoints = h.endpointsNow()
}

func (h *head) endpointsNow() []persistence.Endpoint {
	return h.endpoints.report(h.chain.Endpoints(), time.Now())
}

func (h *head) Receive(inc *supervision.Incarnation, message any) {
	switch m := message.(type) {
	case look:
		if m.turn == h.turn && !h.looks.busy {
			h.look(inc)
		}
	case signalled:
		h.listen(inc)
		switch {
		case h.looks.busy:
			h.missed = true
		case h.looks.failures == 0: // else the next look is put off for a reason
			h.look(inc)
		}
	case looked:
		h.looks.busy = false
		h.handleLook(inc, m)
		h.announce(inc)
	case tick:
		h.checkOutage(inc, time.Now())
		h.checkStalled(inc, time.Now())
		h.announce(inc)
		inc.After(h.tuning.Tick, tick{})
	}
}

// listen waits for the chain's next signal.
func (h *head) listen(inc *supervision.Incarnation) {
	heads := h.chain.Heads()
	if heads == nil {
		return
	}
	inc.Do(func(ctx context.Context) any {
		select {
		case _, open := <-heads:
			if open {
				return signalled{}
			}
			<-ctx.Done() // no head will follow
		case <-ctx.Done():
		}
		return nil
	})
}

func (h *head) look(inc *supervision.Incarnation) {
	h.looks.busy, h.missed = true, false
	known := h.published.Load()
	inc.Do(func(ctx context.Context) any {
		view, err := h.chain.Advance(ctx, known)
		return looked{view, err}
	})
}

// handleLook handles the result of a look, and schedules the next one.
func (h *head) handleLook(inc *supervision.Incarnation, m looked) {
	if m.err != nil {
		delay := h.looks.failed(fmt.Errorf("following the head: %w", m.err), inc.Strategy.Backoff, h.tuning.Tick)
		inc.Strategy.LogRepeat(h.looks.failures, "chain cannot be followed, trying again", "chain", inc.Claim.Chain,
			"reason", supervision.OneLine(m.err), "failures", h.looks.failures, "in", delay.Round(time.Millisecond))
		h.lookIn(inc, delay)
		return
	}
	h.looks.succeeded()
	h.endOutage(inc)
	h.publish(inc, m.view)
	if h.missed {
		h.look(inc)
	} else {
		h.lookIn(inc, h.poll)
	}
}

// lookIn has the next look follow after a delay.
func (h *head) lookIn(inc *supervision.Incarnation, delay time.Duration) {
	h.turn++
	inc.After(delay, look{h.turn})
}

func (h *head) publish(inc *supervision.Incarnation, view *chains.View) {
	known := h.published.Swap(view)
	if depth := abandoned(known, view); depth > 0 {
		inc.Log.Info("chain reorganised", "chain", inc.Claim.Chain, "depth", depth, "head", known.Head.Seq, "now", view.Head.Seq)
	}
	if known != view {
		inc.Send(inc.Parent(), messages.Head{View: view})
		inc.Progressed()
	}
	if highest(h.chain.Endpoints()) <= view.Head.Height() {
		h.stall.since = time.Now()
	}
}

// checkStalled looks whether the head is stalled although the chain advances.
func (h *head) checkStalled(inc *supervision.Incarnation, now time.Time) {
	var at markets.Place
	if view := h.published.Load(); view != nil {
		at = view.Head
	}
	reason := h.behindReason(at)
	h.condition.stalled = ""
	if h.stall.check(at, reason == "", now, h.tuning.Stuck) {
		h.condition.stalled = reason
		level := h.stall.level()
		if h.outage.Logged() {
			level = slog.LevelWarn // one outage, one error
		}
		if h.stall.warns(now, h.tuning.Stuck) {
			inc.Log.Log(context.Background(), level, "head is stalled although its chain advances", "chain", inc.Claim.Chain, "at", at.Seq, "since", h.stall.since.UTC().Format(time.RFC3339), "reason", reason)
		}
	}
	if lasted := h.condition.noteStall(h.stall.since, now); lasted > 0 {
		inc.Log.Info("head advances again", "chain", inc.Claim.Chain, outage.Lasted, lasted)
	}
}

// checkOutage looks whether the chain has an outage: nothing has told its head for a while.
func (h *head) checkOutage(inc *supervision.Incarnation, now time.Time) {
	if h.tuning.Outage <= 0 || h.looks.failures == 0 || h.looks.violation != nil || !h.outage.Note(now, h.tuning.Outage) {
		return
	}
	inc.Log.Error("chain cannot be followed: none of its endpoints can be used", "chain", inc.Claim.Chain, "since", h.outage.Since(),
		"endpoints", len(h.chain.Endpoints()), "reason", supervision.OneLine(h.looks.err))
}

// endOutage notes that the head is known again.
func (h *head) endOutage(inc *supervision.Incarnation) {
	if lasted := h.outage.End(time.Now()); lasted > 0 {
		inc.Log.Info("chain is followed again", "chain", inc.Claim.Chain, outage.Lasted, lasted)
	}
}

// behindReason is why the head may be behind the chain's, if there is a reason.
func (h *head) behindReason(at markets.Place) string {
	switch seen := highest(h.chain.Endpoints()); {
	case h.looks.err != nil:
		return supervision.OneLine(h.looks.err)
	case h.looks.busy:
		return "still looking"
	case seen > at.Seq:
		return fmt.Sprintf("an endpoint has seen %d", seen)
	}
	return ""
}

// highest is the greatest height that an endpoint of the chain has seen.
func highest(endpoints []chains.EndpointStatus) (height int64) {
	for _, e := range endpoints {
		if e.State != chains.EndpointWrongChain && e.State != chains.EndpointDown {
			height = max(height, e.Height)
		}
	}
	return height
}

// trouble is the state of a head that has trouble, and why; empty where it has none.
func (h *head) trouble() (state, reason string) {
	switch {
	case h.looks.violation != nil:
		return persistence.FinalityBroken, supervision.OneLine(h.looks.violation)
	case h.looks.failures > 0:
		return persistence.Retrying, supervision.OneLine(h.looks.err)
	case h.condition.stalled != "":
		return persistence.Retrying, h.condition.stalled
	}
	return "", ""
}

// announce reports where the head is, and trouble as soon as it begins or ends.
func (h *head) announce(inc *supervision.Incarnation) {
	state, reason := h.trouble()
	h.condition.announce(inc, state, reason, "chain", inc.Claim.Chain)
	r := h.report(inc.Report)
	switch {
	case state != "":
		r.Status, r.LastError = state, reason
	case r.Status == "" || r.Status == persistence.Stopped: // the first look is not over
		r.Status = persistence.Running
	}
	inc.SetReport(r)
}

// report is what the document says where there is no trouble; without a view it is what
// it said before.
func (h *head) report(before persistence.Report) persistence.Report {
	view := h.published.Load()
	if view == nil {
		before.Place, before.Endpoints = nil, h.endpointsNow()
		return before
	}
	return persistence.Report{
		Status: persistence.Following, Head: view.Head.Height(), Finalized: view.Final.Height(), Place: &view.Head,
		Endpoints: h.endpointsNow(),
	}
}

// abandoned is how many of a view's blocks are not on the branch of a later one, as
// far down as that one knows its branch.
func abandoned(before, after *chains.View) (depth int64) {
	if before == nil {
		return 0
	}
	for h := before.Head.Seq; h >= after.Final.Seq; h-- {
		was, known := before.Hash(h)
		if is, _ := after.Hash(h); !known || was == is {
			break
		}
		depth++
	}
	return depth
}
