package resource

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// shared lets requests for the same page share one query, which begins after all of them have
// come: so each has what was committed before it, as if it had its own. A page that is asked for
// again and again is read at most once every so long.
//
//	requests    a   b c    d     b and c come less than every behind the query of a, and share
//	queries     a┄┄┄┄┄┄bc┄┄┄┄┄┄d the next one; d comes after that has begun, and has another
type shared struct {
	every time.Duration // 0: each request has its own query

	mu   sync.Mutex
	next map[string]*round // the next query of a page, or the last one, less than every ago
}

// queryTimeout bounds a query whose requests have gone away without saying so.
const queryTimeout = 30 * time.Second

// round is one query.
type round struct {
	begins time.Time
	begun  bool
	former *round // the one before, until it has begun
	wanted int    // by so many requests that wait for it
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
	page   response
	err    error
}

func newShared(every time.Duration) *shared {
	return &shared{every: every, next: map[string]*round{}}
}

// do returns what read returns for a page.
func (s *shared) do(ctx context.Context, page string, read func(context.Context) (response, error)) (response, error) {
	if s.every == 0 {
		return read(ctx)
	}
	r := s.join(ctx, page, read)
	select {
	case <-r.done:
		return r.page, r.err
	case <-ctx.Done():
		s.leave(page, r)
		return response{}, ctx.Err()
	}
}

// join returns the next query of a page that has not begun.
func (s *shared) join(ctx context.Context, page string, read func(context.Context) (response, error)) *round {
	s.mu.Lock()
	defer s.mu.Unlock()
	begins, last := time.Now(), s.next[page]
	if last != nil {
		if !last.begun {
			last.wanted++
			return last
		}
		if after := last.begins.Add(s.every); after.After(begins) {
			begins = after
		}
	}
	r := &round{begins: begins, former: last, wanted: 1, done: make(chan struct{})}
	ctx, r.cancel = context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
	s.next[page] = r
	go func() {
		defer r.cancel()
		defer close(r.done)
		if !s.begin(ctx, page, r) {
			r.err = ctx.Err()
			return
		}
		r.page, r.err = surviving(ctx, read)
	}()
	return r
}

// surviving makes a panic of read an error: only a handler's own is caught by the server.
func surviving(ctx context.Context, read func(context.Context) (response, error)) (page response, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return read(ctx)
}

// begin waits until a query may begin; false if nobody waits for it any more.
func (s *shared) begin(ctx context.Context, page string, r *round) bool {
	timer := time.NewTimer(time.Until(r.begins))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.begun, r.begins, r.former = true, time.Now(), nil
	time.AfterFunc(s.every, func() { s.forget(page, r) })
	return ctx.Err() == nil
}

func (s *shared) forget(page string, r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next[page] == r {
		delete(s.next, page)
	}
}

// leave says that a request waits no more.
func (s *shared) leave(page string, r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.wanted--; r.wanted > 0 {
		return
	}
	r.cancel()
	if s.next[page] != r || r.begun {
		return
	}
	// Nobody may join what is cancelled.
	if r.former != nil && time.Since(r.former.begins) < s.every {
		s.next[page] = r.former
	} else {
		delete(s.next, page)
	}
}
