package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// head follows the chain's head, its finality and its reorganisations, and
// publishes what it sees as a whole: whoever missed a state needs only the next.
type head struct {
	chain     chains.Chain
	poll      time.Duration
	published *atomic.Pointer[chains.View] // it outlives restarts
	endpoints endpoints
}

// look is the head's own tick.
type look struct{}

// tellTick is the head's other tick: people are told of the endpoints even while none
// of them answers.
type tellTick struct{}

func (h *head) begin(l *life) {
	if view := h.published.Load(); view != nil {
		l.Send(l.Parent(), messages.Head{View: view})
	}
	l.after(h.poll, tellTick{})
	h.look(l)
}

// end leaves how the endpoints are for the last report, which may say that none of
// them answers.
func (h *head) end(l *life) { l.report.Endpoints = h.news() }

// tell says how the endpoints are, and otherwise what was said before: by an earlier
// incarnation, as long as this one has no answer.
func (h *head) tell(l *life) {
	report := l.report
	report.Endpoints = h.news()
	if report.Status == "" || report.Status == persistence.Stopped {
		report.Status = persistence.Running
	}
	l.say(report)
}

func (h *head) news() []persistence.Endpoint {
	return h.endpoints.news(h.chain.Endpoints(), time.Now())
}

func (h *head) receive(l *life, message any) {
	switch m := message.(type) {
	case look:
		h.look(l)
	case tellTick:
		h.tell(l)
		l.after(h.poll, tellTick{})
	case *chains.View:
		known := h.published.Swap(m)
		if depth := abandoned(known, m); depth > 0 {
			l.log.Info("chain reorganised", "chain", l.claim.Chain, "depth", depth, "head", known.Head.Seq, "now", m.Head.Seq)
		}
		if known != m {
			l.Send(l.Parent(), messages.Head{View: m})
		}
		l.say(persistence.Report{
			Status: persistence.Following, Head: m.Head.Height(), Finalized: m.Final.Height(), Place: &m.Head,
			Endpoints: h.news(),
		})
		l.after(h.poll, look{})
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

func (h *head) look(l *life) {
	known := h.published.Load()
	l.do(func(ctx context.Context) any {
		view, err := h.chain.Advance(ctx, known)
		if err != nil {
			return fmt.Errorf("following the head: %w", err)
		}
		return view
	})
}
