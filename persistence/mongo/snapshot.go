package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// errBehind means that a new primary does not know yet of all that the former one had
// committed.
var errBehind = errors.New("the primary does not know yet of all commits")

// snapshotTime is the newest of some snapshots' times.
type snapshotTime struct {
	mu sync.Mutex
	at bson.Timestamp
}

// raise takes a time in.
func (s *snapshotTime) raise(to bson.Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.After(s.at) {
		s.at = to
	}
}

// isAfter reports whether the newest time is after a snapshot's. A snapshot without a time is
// of a collection that does not exist.
func (s *snapshotTime) isAfter(other bson.Timestamp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !other.IsZero() && s.at.After(other)
}

// unlessBehind repeats a read until it does not fail with errBehind, or patience is exhausted.
func (r *Reader) unlessBehind(ctx context.Context, read func() error) error {
	started := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := read()
		if !errors.Is(err, errBehind) || time.Since(started) > patience {
			return err
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}
