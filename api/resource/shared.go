package resource

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// shared lets requests for the same page share one query, which begins after all of them have
// arrived: each response includes everything that was committed before its request, as with a
// separate query. The queries of a page begin at least the interval every apart.
//
//	requests    a   b c    d     b and c arrive less than every after the query of a begins,
//	queries     a┄┄┄┄┄┄bc┄┄┄┄┄┄d and share the next one; d arrives after that has begun
type shared struct {
	every time.Duration // 0: each request has its own query

	mu   sync.Mutex
	next map[string]*round // by page: the next query, or the last one if less than every ago
}

// queryTimeout bounds a query whose requests were abandoned unnoticed.
const queryTimeout = 30 * time.Second

// round is one query.
type round struct {
	begins time.Time
	begun  bool
	former *round // the previous round, until this one has begun
	wanted int    // the number of requests that wait for it
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
	page   response
	err    error
}

func newShared(every time.Duration) *shared {
	return &shared{every: every, next: map[string]*round{}}
}

// do returns the result of read for a page, from a shared query unless every is 0.
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

// join returns the next round of a page that has not begun, or adds one.
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

// surviving turns a panic of read into an error: the server recovers only those of handlers.
func surviving(ctx context.Context, read func(context.Context) (response, error)) (page response, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return read(ctx)
}

// begin waits until a query may begin. It returns false if no request waits for it.
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

// leave removes a waiting request; the last one cancels the query.
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
	// No request must join a cancelled round.
	if r.former != nil && time.Since(r.former.begins) < s.every {
		s.next[page] = r.former
	} else {
		delete(s.next, page)
	}
}
