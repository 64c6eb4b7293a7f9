package embedded

import (
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// The decoders of what encoder writes.
var (
	orderDecoder    = documents.NewDecoder[markets.Order]()
	activityDecoder = documents.NewDecoder[markets.Activity]()
)

// errDamaged says that a stored document cannot be read.
var errDamaged = errors.New("is damaged")

// damaged names a stored document that cannot be read.
func damaged(kind string, id any, err error) error {
	return fmt.Errorf("stored %s %v %w: %w", kind, id, errDamaged, err)
}

// decode reads a document whose free fields may hold numbers that a float64 does
// not.
func decode(doc []byte, into any) error {
	return documents.DecodeJSON(doc, into)
}
