// Package history checks that the processes of a cluster have kept the rules of
// ownership: it replays every write to the documents of actors and leases, as recorded
// in MongoDB's oplog, and reports every violation.
package history

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// Transaction is a set of changes that took effect atomically.
type Transaction struct {
	At      time.Time      // the server's clock
	TS      bson.Timestamp // its place in the oplog
	Changes []Change
}

// Ownership are the collections of actors and leases.
var Ownership = []string{persistence.Actors, persistence.Leases}

// In returns the transaction's changes of some collections.
func (t Transaction) In(collections []string) Transaction {
	t.Changes = slices.DeleteFunc(slices.Clone(t.Changes), func(c Change) bool { return !slices.Contains(collections, c.Collection) })
	return t
}

// Change is a change of one document.
type Change struct {
	Collection string
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
