// Package history checks that the processes of a cluster have kept the rules of
// ownership: it replays everything that was ever written to the documents of actors
// and leases, as MongoDB's oplog has it, and says where a rule was broken.
package history

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Transaction is what took effect at once.
type Transaction struct {
	At      time.Time // the server's clock
	Changes []Change
}

// Change is what happened to one document.
type Change struct {
	Collection string // persistence.Actors or persistence.Leases
	ID         string
	Deleted    bool
	Whole      bool     // Set is all of the document
	Set        bson.Raw // fields with their new values
	Unset      []string
}

// Count is how many events and dead letters a stream has up to some block.
type Count struct{ Events, DeadLetters int64 }

// Counts tells the count of a stream on the branch that ends in a block; false if
// there never was such a block.
type Counts func(chain, stream, block string) (Count, bool)
