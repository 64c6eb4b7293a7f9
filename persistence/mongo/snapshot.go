package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/backoff"
)

// errBehind means that a new primary does not have all commits of the previous one yet.
var errBehind = errors.New("the primary does not have all commits yet")

// snapshotTime is the newest of the times of some snapshots. It is safe for concurrent use.
type snapshotTime struct {
	mu sync.Mutex
	at bson.Timestamp
}

// raise adds a snapshot's time.
func (s *snapshotTime) raise(to bson.Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.After(s.at) {
		s.at = to
	}
}

// isAfter reports whether the newest time is after that of another snapshot. A snapshot of
// a collection that does not exist has no time.
func (s *snapshotTime) isAfter(other bson.Timestamp) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !other.IsZero() && s.at.After(other)
}

// unlessBehind repeats a read that fails with errBehind, for at most about the duration
// patience.
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
