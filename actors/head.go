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
		if h.published.Swap(m) != m {
			l.Send(l.Parent(), messages.Head{View: m})
		}
		l.say(persistence.Report{
			Status: persistence.Following, Head: m.Head.Height(), Finalized: m.Final.Height(), Place: &m.Head,
		})
		l.after(h.poll, look{})
	}
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
