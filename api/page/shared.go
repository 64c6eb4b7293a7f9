package page

import (
	"context"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
)

// maxShared is the largest number of results that are kept.
const maxShared = 64

// shared keeps results for all viewers. A result is kept so long that reading it takes at
// most one part in watchedShare of the time, however many viewers there are.
type shared[T any] struct {
	mu    sync.Mutex
	known map[string]*result[T]
}

type result[T any] struct {
	mu    sync.Mutex // held during a read
	value T
	began time.Time // when the read began
	until time.Time // until when the value is kept
}

// maxWait is the longest time that a viewer waits for a value that is new enough.
const maxWait = 5 * time.Second

// get returns the value of a key, from memory or by read. If the value was read before
// since, and may be read again within maxWait, get waits and returns the new value.
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

// get returns the value, or the time to wait before the next call.
func (r *result[T]) get(ctx context.Context, since time.Time, read func(context.Context) (T, error)) (value T, wait time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := time.Now()
	if rest := r.until.Sub(began); rest > 0 {
		if !r.began.Before(since) || rest > maxWait {
			rest = 0
		}
		return r.value, rest, nil
	}
	if value, err = read(ctx); err != nil {
		return value, 0, err
	}
	took := time.Since(began)
	r.value, r.began, r.until = value, began, began.Add(took+max(watchedEvery/2, (watchedShare-1)*took))
	return value, 0, nil
}

func (s *shared[T]) result(key string) *result[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxShared && s.known[key] == nil {
		s.known = map[string]*result[T]{} // drops all results: they are short-lived anyway
	}
	if s.known[key] == nil {
		s.known[key] = &result[T]{}
	}
	return s.known[key]
}
