package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	return d.Decode(into)
}
