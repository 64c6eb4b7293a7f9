package embedded

import (
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// The decoders of the documents that encoder writes.
var (
	orderDecoder    = documents.NewDecoder[markets.Order]()
	activityDecoder = documents.NewDecoder[markets.Activity]()
)

// errDamaged means that a stored document cannot be decoded.
var errDamaged = errors.New("is damaged")

// damaged names a stored document that cannot be decoded.
func damaged(kind string, id any, err error) error {
	return fmt.Errorf("stored %s %v %w: %w", kind, id, errDamaged, err)
}

// decode decodes a document whose free-form fields may hold numbers outside float64's
// precision.
func decode(doc []byte, into any) error {
	return documents.DecodeJSON(doc, into)
}
