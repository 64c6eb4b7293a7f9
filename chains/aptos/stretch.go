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
	maxPage    = 100 // events; what nodes give at most
	pagesAhead = 8   // pages of a handle being asked for at once
)

// stretch is a handle's events from one number on, without a gap.
type stretch struct {
	events  []event
	version int64 // the ledger version of the last answer
	ended   bool  // that answer was empty: up to its version there are no more
}

// handlePage is one page of several that were asked for at once.
type handlePage struct {
	start, limit int64
	events       []event
	version      int64
	err          error
}

func (p *handlePage) full() bool { return int64(len(p.events)) == p.limit }

// stretch asks for up to limit events of a handle behind a place: for one page at
// first, and for more at once as long as they come full. A page shorter than asked for
// is not the end: nodes may have smaller pages.
func (c *Chain) stretch(ctx context.Context, source markets.Source, after markets.Place, limit int64) (stretch, error) {
	r := c.reading(source)
	pages := c.handlePages(ctx, source, after, limit, r)
	s := stretch{}
	for i := range pages {
		p := &pages[i]
		at := s.place(after, len(s.events))
		if p.err == nil && p.version < at.Through {
			p.err = c.node.Errorf("%w: ledger at version %d, place at %d", chains.ErrAhead, p.version, at.Through)
		}
		if p.err == nil {
			if err := c.check(source, at, p.events, p.version); err != nil {
				p.err = c.node.Errorf("%s: %w", source.Field, err)
			}
		}
		if p.err == nil && len(p.events) == 0 {
			p.err = c.believeEnd(ctx, source, at.Seq, p.version, r)
		}
		if p.err != nil {
			if i == 0 {
				return stretch{}, p.err
			}
			break // the next read will tell
		}
		s.events, s.version, s.ended = append(s.events, p.events...), p.version, len(p.events) == 0
		if !p.full() {
			break
		}
	}
	c.learn(pages, r)
	return s, nil
}

// handlePages asks for pages of a handle at once.
func (c *Chain) handlePages(ctx context.Context, source markets.Source, after markets.Place, limit int64, r *reading) []handlePage {
	r.mu.Lock()
	count := r.ahead
	r.mu.Unlock()
	size := c.pageSize.Load()
	if count == 1 || c.recorded(source) != nil {
		count, size = 1, maxPage // what nodes give more is learned, too
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
		if i > 0 { // what its page follows on is not known yet
			at = markets.Place{Seq: p.start - 1}
		}
		check := func(events []event, version int64) error { return c.check(source, at, events, version) }
		group.Go(func() {
			p.events, p.version, p.err = c.node.events(ctx, needBehind(after), source, p.start, p.limit, check)
		})
	}
	group.Wait()
	return pages
}

// needBehind is what reading on behind a place wants of an endpoint.
func needBehind(after markets.Place) endpoint.Need {
	if after.Through == 0 {
		return endpoint.Need{}
	}
	return endpoint.Need{From: after.Through + 1, To: after.Through}
}

// learn takes in how large the node's pages are, and whether there is more to ask for
// at once.
func (c *Chain) learn(pages []handlePage, r *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := pages[0]
	if r.short > 0 && len(first.events) > 0 && int64(first.events[0].Version) <= r.dated {
		c.pageSize.Store(r.short) // the short page had left it out
	}
	r.short = 0
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
		r.short, r.dated = n, p.version
		break
	}
	if grow {
		r.ahead = min(2*r.ahead, pagesAhead)
	} else {
		r.ahead = 1
	}
}

// believeEnd checks the first empty page of a handle against the handle's own counter:
// nodes without their old events may answer with none.
func (c *Chain) believeEnd(ctx context.Context, source markets.Source, seq, version int64, r *reading) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counted {
		return nil
	}
	count, err := c.node.counter(ctx, source, version)
	if _, ok := errors.AsType[*missingError](err); ok || errors.Is(err, chains.ErrPruned) {
		r.counted = true // not to be had here
		return nil
	}
	if err != nil {
		return err
	}
	if last := c.lastBelow(source, count); last > seq {
		return &prunedError{-1, c.node.Errorf("%s: no events behind %d, and the handle has logged %d up to version %d", source.Field, seq, count, version)}
	}
	r.counted = true
	return nil
}

// lastBelow is the last number of a handle that has logged a number of events.
func (c *Chain) lastBelow(source markets.Source, count int64) int64 {
	recorded := c.recorded(source)
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
