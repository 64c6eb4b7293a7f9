package aptos

import (
	"context"
	"errors"
	"sync"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

const (
	maxPage       = 100 // events; the most that nodes give
	maxPagesAhead = 8   // pages of a handle in flight
)

// eventRun is consecutive events of a handle.
type eventRun struct {
	events  []event
	version int64 // the ledger version of the last answer
	empty   bool  // that answer was empty: there are no more up to its version
}

// handlePage is one of several pages that were asked for together.
type handlePage struct {
	start, limit int64
	events       []event
	version      int64
	err          error
}

func (p *handlePage) full() bool { return int64(len(p.events)) == p.limit }

// fetchEvents asks for up to limit events of a handle after a place: for one page at first,
// and for several at a time while they come full. A page shorter than asked for is not the
// end: nodes may have smaller pages.
func (c *Chain) fetchEvents(ctx context.Context, source markets.Source, after markets.Place, limit int64) (eventRun, error) {
	r := c.stateOf(source)
	pages := c.fetchHandlePages(ctx, source, after, limit, r)
	s := eventRun{}
	for i := range pages {
		p := &pages[i]
		at := s.place(after, len(s.events))
		if p.err == nil && p.version < at.Through {
			p.err = c.node.Errorf("%w: ledger at version %d, stream at %d", chains.ErrAhead, p.version, at.Through)
		}
		if p.err == nil {
			if err := c.checkSequence(source, at, p.events, p.version); err != nil {
				p.err = c.node.Errorf("%s: %w", source.Field, err)
			}
		}
		if p.err == nil && len(p.events) == 0 {
			p.err = c.confirmEnd(ctx, source, at.Seq, p.version, r)
		}
		if p.err != nil {
			if i == 0 {
				return eventRun{}, p.err
			}
			break // the next read will meet it again
		}
		s.events, s.version, s.empty = append(s.events, p.events...), p.version, len(p.events) == 0
		if !p.full() {
			break
		}
	}
	c.learnPageSize(pages, r)
	return s, nil
}

// fetchHandlePages asks for consecutive pages of a handle, concurrently.
func (c *Chain) fetchHandlePages(ctx context.Context, source markets.Source, after markets.Place, limit int64, r *handleState) []handlePage {
	r.mu.Lock()
	count := r.pagesAhead
	r.mu.Unlock()
	size := c.pageSize.Load()
	if count == 1 || c.recordedNumbers(source) != nil {
		count, size = 1, maxPage // so that a larger page size is noticed
	}
	var pages []handlePage
	start := after.Seq + 1
	for ; count > 0 && limit > 0; count-- {
		pages = append(pages, handlePage{start: start, limit: min(size, limit)})
		start, limit = start+size, limit-size
	}
	var group sync.WaitGroup
	for i := range pages {
		p, at := &pages[i], after
		if i > 0 { // the event before the page is not known yet
			at = markets.Place{Seq: p.start - 1}
		}
		check := func(events []event, version int64) error { return c.checkSequence(source, at, events, version) }
		group.Go(func() {
			p.events, p.version, p.err = c.node.events(ctx, needAfter(after), source, p.start, p.limit, check)
		})
	}
	group.Wait()
	return pages
}

// needAfter is the need for an endpoint from which to read on after a place.
func needAfter(after markets.Place) endpoint.Need {
	if after.Through == 0 {
		return endpoint.Need{}
	}
	return endpoint.Need{From: after.Through + 1, To: after.Through}
}

// learnPageSize learns how large the node's pages are, and whether to ask for more of them at
// a time.
func (c *Chain) learnPageSize(pages []handlePage, r *handleState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := pages[0]
	if r.shortPage > 0 && len(first.events) > 0 && int64(first.events[0].Version) <= r.shortPageVersion {
		c.pageSize.Store(r.shortPage) // the short page lacked an event that was there
	}
	r.shortPage = 0
	grow := true
	for i, p := range pages {
		n := int64(len(p.events))
		if p.err == nil && n > c.pageSize.Load() {
			c.pageSize.Store(n)
		}
		if p.err != nil || p.full() {
			grow = grow && p.err == nil
			continue
		}
		if i+1 < len(pages) && pages[i+1].err == nil && len(pages[i+1].events) > 0 && n > 0 {
			c.pageSize.Store(n)
			return
		}
		grow = n > 0 && n == c.pageSize.Load()
		r.shortPage, r.shortPageVersion = n, p.version
		break
	}
	if grow {
		r.pagesAhead = min(2*r.pagesAhead, maxPagesAhead)
	} else {
		r.pagesAhead = 1
	}
}

// confirmEnd decides whether the first empty page of a handle is believed: the handle's own
// counter must agree, as nodes that have pruned events may answer with none.
func (c *Chain) confirmEnd(ctx context.Context, source markets.Source, seq, version int64, r *handleState) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counterAgreed {
		return nil
	}
	count, err := c.node.counter(ctx, source, version)
	if _, ok := errors.AsType[*missingError](err); ok || errors.Is(err, chains.ErrPruned) {
		r.counterAgreed = true // the node cannot tell
		return nil
	}
	if err != nil {
		return err
	}
	if last := c.lastBelow(source, count); last > seq {
		return &prunedError{-1, c.node.Errorf("%s: no events after %d, although the handle has logged %d up to version %d", source.Field, seq, count, version)}
	}
	r.counterAgreed = true
	return nil
}

// lastBelow is the number of the last event of a handle that has logged count events.
func (c *Chain) lastBelow(source markets.Source, count int64) int64 {
	recorded := c.recordedNumbers(source)
	if recorded == nil {
		return count - 1
	}
	last := int64(-1)
	for _, seq := range recorded {
		if seq < count {
			last = seq
		}
	}
	return last
}
