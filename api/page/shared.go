package page

import (
	"context"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
)

// maxShared bounds the number of different results that are kept.
const maxShared = 64

// shared keeps what was read for one viewer for the others, for as long that reading takes
// no more than a tenth of the time however many viewers there are.
type shared[T any] struct {
	mu    sync.Mutex
	known map[string]*result[T]
}

type result[T any] struct {
	mu    sync.Mutex // held while it is read
	value T
	began time.Time // when reading it began
	until time.Time
}

// waitMost bounds how long a viewer waits for a value that is new enough.
const waitMost = 5 * time.Second

// get returns the value of a key, from memory or by read. One that was read before a time is
// not returned if it may soon be read again: the viewer waits, with all others who do.
func (s *shared[T]) get(ctx context.Context, key string, since time.Time, read func(context.Context) (T, error)) (T, error) {
	known := s.result(key)
	for {
		value, wait, err := known.get(ctx, since, read)
		if wait == 0 {
			return value, err
		}
		if err := backoff.Sleep(ctx, wait); err != nil {
			return value, err
		}
	}
}

// get returns the value, or how long to wait before asking again.
func (r *result[T]) get(ctx context.Context, since time.Time, read func(context.Context) (T, error)) (value T, wait time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := time.Now()
	if rest := r.until.Sub(began); rest > 0 {
		if !r.began.Before(since) || rest > waitMost {
			rest = 0
		}
		return r.value, rest, nil
	}
	if value, err = read(ctx); err != nil {
		return value, 0, err
	}
	took := time.Since(began)
	r.value, r.began, r.until = value, began, began.Add(took+max(watchedEvery/2, (share-1)*took))
	return value, 0, nil
}

func (s *shared[T]) result(key string) *result[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxShared && s.known[key] == nil {
		s.known = map[string]*result[T]{} // begins anew: the results are short-lived
	}
	if s.known[key] == nil {
		s.known[key] = &result[T]{}
	}
	return s.known[key]
}
