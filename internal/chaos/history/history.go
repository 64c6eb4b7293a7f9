// Package history checks that the processes of a cluster have kept the rules of
// ownership: it replays every write to the documents of actors and leases, as recorded
// in MongoDB's oplog, and reports every violation.
package history

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Transaction is a set of changes that took effect atomically.
type Transaction struct {
	At      time.Time // the server's clock
	Changes []Change
}

// Change is a change of one document.
type Change struct {
	Collection string // persistence.Actors or persistence.Leases
	ID         string
	Deleted    bool
	Whole      bool     // Set is all of the document
	Set        bson.Raw // fields with their new values
	Unset      []string
}

// Count is the number of a stream's events and dead letters up to a block.
type Count struct{ Events, DeadLetters int64 }

// Counts returns the count of a stream on the branch that ends in a block; false if that
// block never existed.
type Counts func(chain, stream, block string) (Count, bool)
