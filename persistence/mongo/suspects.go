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

// suspicion is how long a session is suspected: for longer than a server lets a
// transaction live (transactionLifetimeLimitSeconds), if a packet that was held up
// begins one late.
const suspicion = 2 * time.Minute

// suspects are the sessions and processes whose transactions may be open on the server
// although nobody is going to end them: each would hold up the transactions that conflict
// with it for a minute.
type suspects struct {
	mu       sync.Mutex
	sessions map[string]time.Time // our own failed sessions, by their ids' BSON, and since when
	apps     map[string]time.Time // processes from which we have a chain
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

// list is the suspects; those suspected for long enough are dropped.
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

// tolerance is how long a suspect process may have a transaction open: it may be a
// healthy one that has lost or given up one of its chains.
const tolerance = 2 * time.Second

// endSuspects ends what transactions the suspects have open: our own, and those of
// suspect processes that have been open for longer than tolerance.
func (s *Store) endSuspects(ctx context.Context) error {
	sessions, apps := s.suspects.list()
	open, err := s.transactionsOf(ctx, apps, tolerance)
	if err != nil {
		return err
	}
	return s.killSessions(ctx, append(sessions, open...))
}

// endTransactions ends what transactions processes have open.
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

// transactionsOf are the sessions in which processes have had a transaction open for
// some time.
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
