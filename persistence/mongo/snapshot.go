package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

var _ persistence.Snapshots = (*Reader)(nil)

// Snapshot implements persistence.Snapshots.
func (r *Reader) Snapshot(ctx context.Context, do func(persistence.Querier) error) error {
	if !r.gate.enter() {
		return errClosed
	}
	defer r.gate.leave()
	return r.unlessBehind(ctx, func() error {
		return r.inSnapshot(ctx, func(session *driver.Session) error { return do(snapshot{r, session}) })
	})
}

// inSnapshot calls do with a session whose queries all read the snapshot of the first one.
// A query returns errBehind, before it yields anything, if the snapshot lacks changes
// before a position that Newest has returned.
func (r *Reader) inSnapshot(ctx context.Context, do func(*driver.Session) error) error {
	session, err := r.client.StartSession(options.Session().SetSnapshot(true))
	if err != nil {
		return err
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	return do(session)
}

// snapshot answers queries in a session.
type snapshot struct {
	reader  *Reader
	session *driver.Session
}

// Query implements persistence.Querier.
func (s snapshot) Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := s.reader.querySnapshot(ctx, s.session, query, func(doc json.RawMessage) bool { return yield(doc, nil) })
		if err != nil {
			yield(nil, s.reader.explain(err))
		}
	}
}

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
