package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// head follows the chain's head, its finality and its reorganisations, and
// publishes what it sees as a whole: whoever missed a state needs only the next. It
// looks when the chain signals a new head, and at intervals.
type head struct {
	chain     chains.Chain
	poll      time.Duration
	tuning    Tuning
	published *atomic.Pointer[chains.View] // it outlives restarts
	stand     *stand                       // so does this

	endpoints endpoints
	looks     attempt
	missed    bool // the chain signalled a new head during a look
	turn      int  // of the timer of the next look
	broken    bool // it was said that finality is broken
	stuck     string
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

func (h *head) begin(l *life) {
	if view := h.published.Load(); view != nil {
		l.Send(l.Parent(), messages.Head{View: view})
	}
	h.look(l)
	h.listen(l)
	l.after(h.tuning.Tick, tick{})
}

// end leaves how the endpoints are for the last report, which may say that none of
// them answers.
func (h *head) end(l *life) {
	l.health.note(l.claim.ID, "")
	l.report.Endpoints = h.news()
}

func (h *head) news() []persistence.Endpoint {
	return h.endpoints.news(h.chain.Endpoints(), time.Now())
}

func (h *head) receive(l *life, message any) {
	switch m := message.(type) {
	case look:
		if m.turn == h.turn && !h.looks.busy {
			h.look(l)
		}
	case signalled:
		h.listen(l)
		switch {
		case h.looks.busy:
			h.missed = true
		case h.looks.failures == 0: // else the next look is put off for a reason
			h.look(l)
		}
	case looked:
		h.looks.busy = false
		h.see(l, m)
		h.tell(l)
	case tick:
		h.notice(l, time.Now())
		h.tell(l)
		l.after(h.tuning.Tick, tick{})
	}
}

// listen waits for the chain's next signal.
func (h *head) listen(l *life) {
	heads := h.chain.Heads()
	if heads == nil {
		return
	}
	l.do(func(ctx context.Context) any {
		select {
		case _, open := <-heads:
			if open {
				return signalled{}
			}
			<-ctx.Done() // nothing will come any more
		case <-ctx.Done():
		}
		return nil
	})
}

func (h *head) look(l *life) {
	h.looks.busy, h.missed = true, false
	known := h.published.Load()
	l.do(func(ctx context.Context) any {
		view, err := h.chain.Advance(ctx, known)
		return looked{view, err}
	})
}

// see takes in what came of a look, and has the next one follow.
func (h *head) see(l *life, m looked) {
	if m.err != nil {
		delay := h.looks.failed(fmt.Errorf("following the head: %w", m.err), l.supervision.backoff, h.tuning.Tick)
		l.supervision.logRepeat(h.looks.failures, "chain cannot be followed, trying again", "chain", l.claim.Chain,
			"reason", oneLine(m.err), "failures", h.looks.failures, "in", delay.Round(time.Millisecond))
		h.next(l, delay)
		return
	}
	h.looks.succeeded()
	h.publish(l, m.view)
	if h.missed {
		h.look(l)
	} else {
		h.next(l, h.poll)
	}
}

// next has the next look follow after some time.
func (h *head) next(l *life, delay time.Duration) {
	h.turn++
	l.after(delay, look{h.turn})
}

func (h *head) publish(l *life, view *chains.View) {
	known := h.published.Swap(view)
	if depth := abandoned(known, view); depth > 0 {
		l.log.Info("chain reorganised", "chain", l.claim.Chain, "depth", depth, "head", known.Head.Seq, "now", view.Head.Seq)
	}
	if known != view {
		l.Send(l.Parent(), messages.Head{View: view})
		l.well()
	}
	if highest(h.chain.Endpoints()) <= view.Head.Height() {
		h.stand.since = time.Now()
	}
}

// notice looks whether the head stands although the chain goes on.
func (h *head) notice(l *life, now time.Time) {
	var at markets.Place
	if view := h.published.Load(); view != nil {
		at = view.Head
	}
	reason := h.why(at)
	was := h.stuck
	h.stuck = ""
	if h.stand.holds(at, reason == "", now, h.tuning.Stuck) {
		h.stuck = reason
		if h.stand.warns(now, h.tuning.Stuck) {
			l.log.Warn("head stands although its chain goes on", "chain", l.claim.Chain, "at", at.Seq, "since", h.stand.since.UTC().Format(time.RFC3339), "reason", reason)
		}
	}
	if was != "" && h.stuck == "" {
		l.log.Info("head goes on", "chain", l.claim.Chain)
	}
}

// why is the reason for which the head may be behind the chain's, if there is one.
func (h *head) why(at markets.Place) string {
	switch seen := highest(h.chain.Endpoints()); {
	case h.looks.err != nil:
		return oneLine(h.looks.err)
	case h.looks.busy:
		return "looking takes that long"
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

// trouble is the state that trouble leaves the head in and why, if there is any.
func (h *head) trouble() (state, reason string) {
	switch {
	case h.looks.finality != nil:
		return persistence.FinalityBroken, oneLine(h.looks.finality)
	case h.looks.failures > 0:
		return persistence.Retrying, oneLine(h.looks.err)
	case h.stuck != "":
		return persistence.Retrying, h.stuck
	}
	return "", ""
}

// tell tells where the head is, and of trouble that begins or ends.
func (h *head) tell(l *life) {
	state, reason := h.trouble()
	standing := h.stuck
	broken := state == persistence.FinalityBroken
	if broken {
		standing = reason
	}
	if broken != h.broken {
		h.broken = broken
		logFinality(l, broken, reason, "chain", l.claim.Chain)
	}
	l.health.note(l.claim.ID, standing)
	r := h.report(l.report)
	switch {
	case state != "":
		r.Status, r.LastError = state, reason
	case r.Status == "" || r.Status == persistence.Stopped: // the first look is not over
		r.Status = persistence.Running
	}
	l.say(r)
}

// report is what the document says while all is well; without a view it is what it
// said before.
func (h *head) report(before persistence.Report) persistence.Report {
	view := h.published.Load()
	if view == nil {
		before.Place, before.Endpoints = nil, h.news()
		return before
	}
	return persistence.Report{
		Status: persistence.Following, Head: view.Head.Height(), Finalized: view.Final.Height(), Place: &view.Head,
		Endpoints: h.news(),
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
