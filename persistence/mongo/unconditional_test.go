package mongo

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// Tolerate sets how long a suspect process may keep a transaction open.
func (s *Store) Tolerate(d time.Duration) { s.tolerance = d }

// Unconditional removes the condition from a store's commits.
func (s *Store) Unconditional() {
	s.condition = func(m persistence.Move) bson.D { return byID(m.Actor.ID) }
}

// RaiseReported makes a reader behave as if Newest had returned the position of a later
// time.
func (r *Reader) RaiseReported(at bson.Timestamp) { r.reported.raise(at) }
