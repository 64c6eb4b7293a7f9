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

// suspects are those whose transactions may be open on the server although nobody
// is going to end them: they would hold up whoever meets them for a minute.
type suspects struct {
	mu       sync.Mutex
	sessions map[string]time.Time // our own failed sessions, by their ids' BSON, and since when
	apps     map[string]time.Time // processes that have lost a chain to us
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

// endSuspects ends what transactions the suspects have open.
func (s *Store) endSuspects(ctx context.Context) error {
	sessions, apps := s.suspects.list()
	if len(apps) > 0 {
		open, err := s.transactionsOf(ctx, apps)
		if err != nil {
			return err
		}
		sessions = append(sessions, open...)
	}
	if len(sessions) == 0 {
		return nil
	}
	err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "killSessions", Value: sessions}}).Err()
	if err != nil {
		return fmt.Errorf("ending transactions that were left open: %w", err)
	}
	return nil
}

// transactionsOf are the sessions in which processes have a transaction open.
func (s *Store) transactionsOf(ctx context.Context, apps []string) ([]bson.Raw, error) {
	admin := s.client.Database("admin", options.Database().SetReadConcern(readconcern.Local()))
	cursor, err := admin.Aggregate(ctx, driver.Pipeline{
		{{Key: "$currentOp", Value: bson.D{{Key: "idleSessions", Value: true}}}},
		{{Key: "$match", Value: bson.D{
			{Key: "appName", Value: bson.D{{Key: "$in", Value: apps}}},
			{Key: "transaction", Value: bson.D{{Key: "$exists", Value: true}}},
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
