package aptos

import (
	"context"
	"errors"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// readHistory reads events of a handle that the node has pruned from the transaction stream,
// from the place's ledger version on.
func (c *Chain) readHistory(ctx context.Context, view *chains.View, source markets.Source, from markets.Place, through, limit int64) (chains.Page, error) {
	if from.Through >= view.Head.Seq {
		return chains.Page{To: from}, nil
	}
	of, err := c.handleID(ctx, source)
	if err != nil {
		return chains.Page{}, err
	}
	pages, err := c.streamPages(ctx, from.Through+1, view.Head.Seq, true)
	if c.stream.noteResult(ctx, err) != nil {
		return chains.Page{}, err
	}
	s := eventRun{empty: true}
	transactions := map[int64]*transaction{}
	for _, p := range pages {
		for _, h := range p.handleEvents {
			v := int64(h.Version)
			if at, _ := h.handle(); at == of && v > from.Through && v <= view.Head.Seq && int64(h.Sequence) > from.Seq {
				s.events = append(s.events, h.event)
				transactions[v] = h.transaction
			}
		}
		s.version = min(p.last, view.Head.Seq)
	}
	if from.Seq < 0 && source.From > 0 && len(s.events) > 0 {
		from.Seq = int64(s.events[0].Sequence) - 1 // how many there were before the start is not known
	}
	if err := c.checkSequence(source, from, s.events, s.version); err != nil {
		return chains.Page{}, c.stream.errorf("%s: %w", source.Field, err)
	}
	n := min(countThrough(s.events, through), int(limit))
	var raws []markets.Raw
	for _, e := range s.events[:n] {
		r, err := joinEvent(e, transactions[int64(e.Version)])
		if err != nil {
			return chains.Page{}, c.stream.errorf("event %d of version %d: %w", e.Sequence, e.Version, err)
		}
		raws = append(raws, r)
	}
	return chains.Page{To: s.place(from, n), Raws: raws}, nil
}

// handleID returns a source's handle by account and number.
func (c *Chain) handleID(ctx context.Context, source markets.Source) (handle, error) {
	r := c.stateOf(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != nil {
		return *r.of, nil
	}
	h, err := c.node.eventHandle(ctx, source, -1)
	if err != nil {
		return handle{}, err
	}
	of := handle{creation: uint64(h.GUID.ID.Creation)}
	if err := of.account.ParseStringWithPrefixRelaxed(h.GUID.ID.Address); err != nil {
		return handle{}, c.node.Errorf("account of %s: %w", source.Field, err)
	}
	if !c.accounts[string(shortAddress([]byte(of.account.StringLong())))] {
		return handle{}, c.node.Errorf("the handle %s is of another account, %s: %w", source.Field, of.account.StringLong(), errOtherAccount)
	}
	r.of = &of
	return of, nil
}

var errOtherAccount = errors.New("its history cannot be read from the stream")
