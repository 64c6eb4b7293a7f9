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
}

// look is the head's own tick.
type look struct{}

func (h *head) begin(l *life) {
	if view := h.published.Load(); view != nil {
		l.Send(l.Parent(), messages.Head{View: view})
	}
	h.look(l)
}

func (h *head) end(*life) {}

func (h *head) receive(l *life, message any) {
	switch m := message.(type) {
	case look:
		h.look(l)
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
