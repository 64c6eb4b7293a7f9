package mongo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

// suspicion is how long a session remains suspect: longer than the server's transaction
// lifetime limit (transactionLifetimeLimitSeconds), in case a delayed packet starts a
// transaction late.
const suspicion = 2 * time.Minute

// suspects are the sessions and processes that may have left transactions open on the
// server: each would block conflicting transactions for a minute.
type suspects struct {
	mu       sync.Mutex
	sessions map[string]time.Time // this process's failed sessions by the BSON of their IDs, and the time of the failure
	apps     map[string]time.Time // previous owners of this process's chains
}

func (s *suspects) add(session bson.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions == nil {
		s.sessions = map[string]time.Time{}
	}
	s.sessions[string(session)] = time.Now()
}

func (s *suspects) addApp(app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.apps == nil {
		s.apps = map[string]time.Time{}
	}
	s.apps[app] = time.Now()
}

// list returns the suspects, and drops those that have been suspect long enough.
func (s *suspects) list() (sessions []bson.Raw, apps []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := func(_ string, since time.Time) bool { return time.Since(since) > suspicion }
	maps.DeleteFunc(s.sessions, old)
	maps.DeleteFunc(s.apps, old)
	for id := range s.sessions {
		sessions = append(sessions, bson.Raw(id))
	}
	return sessions, slices.Collect(maps.Keys(s.apps))
}

// defaultTolerance is the tolerance of a new Store.
const defaultTolerance = 2 * time.Second

// endSuspects aborts the open transactions of this process's failed sessions, and those
// of suspect processes that have been open for longer than tolerance.
func (s *Store) endSuspects(ctx context.Context) error {
	sessions, apps := s.suspects.list()
	open, err := s.transactionsOf(ctx, apps, s.tolerance)
	if err != nil {
		return err
	}
	return s.killSessions(ctx, append(sessions, open...))
}

// endTransactions aborts the open transactions of processes.
func (s *Store) endTransactions(ctx context.Context, apps []string) error {
	open, err := s.transactionsOf(ctx, apps, 0)
	if err != nil {
		return err
	}
	return s.killSessions(ctx, open)
}

func (s *Store) killSessions(ctx context.Context, sessions []bson.Raw) error {
	if len(sessions) == 0 {
		return nil
	}
	err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "killSessions", Value: sessions}}).Err()
	if err != nil {
		return fmt.Errorf("ending transactions that were left open: %w", err)
	}
	return nil
}

// transactionsOf returns the sessions in which processes have had a transaction open for
// at least since.
func (s *Store) transactionsOf(ctx context.Context, apps []string, since time.Duration) ([]bson.Raw, error) {
	if len(apps) == 0 {
		return nil, nil
	}
	admin := s.client.Database("admin", options.Database().SetReadConcern(readconcern.Local()))
	cursor, err := admin.Aggregate(ctx, driver.Pipeline{
		{{Key: "$currentOp", Value: bson.D{{Key: "idleSessions", Value: true}}}},
		{{Key: "$match", Value: bson.D{
			{Key: "appName", Value: bson.D{{Key: "$in", Value: apps}}},
			{Key: "transaction.timeOpenMicros", Value: bson.D{{Key: "$gte", Value: since.Microseconds()}}},
		}}},
		{{Key: "$project", Value: bson.D{{Key: "id", Value: "$lsid.id"}}}},
	})
	var open []struct {
		ID bson.RawValue `bson:"id"`
	}
	if err == nil {
		err = cursor.All(ctx, &open)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for transactions that were left open: %w", err)
	}
	var sessions []bson.Raw
	for _, o := range open {
		id, err := bson.Marshal(bson.D{{Key: "id", Value: o.ID}})
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, id)
	}
	return sessions, nil
}
