package page

import (
	"context"
	"sync"
	"time"
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
	until time.Time
}

// get returns the value of a key, from memory or by read.
func (s *shared[T]) get(ctx context.Context, key string, read func(context.Context) (T, error)) (T, error) {
	known := s.result(key)
	known.mu.Lock()
	defer known.mu.Unlock()
	began := time.Now()
	if began.Before(known.until) {
		return known.value, nil
	}
	value, err := read(ctx)
	if err != nil {
		return value, err
	}
	took := time.Since(began)
	known.value, known.until = value, began.Add(took+max(watchedEvery/2, (share-1)*took))
	return value, nil
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
