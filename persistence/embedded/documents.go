package embedded

import (
	"bytes"
	"encoding/json"
)

// decode reads a document whose free fields may hold numbers that a float64 does
// not.
func decode(doc []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	return d.Decode(into)
}
