package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// Unconditional removes the condition from a store's commits.
func (s *Store) Unconditional() {
	s.condition = func(m persistence.Move) bson.D { return byID(m.Actor.ID) }
}
