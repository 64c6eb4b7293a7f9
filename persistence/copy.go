package persistence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrUnfinishedCopy means that a store holds an unfinished copy of another store: only
// the copy itself may write to it.
var ErrUnfinishedCopy = errors.New("it holds an unfinished copy")

// ErrOtherCopy means that another process owns the copy or has completed it. Nothing was
// written.
var ErrOtherCopy = errors.New("another process has continued this copy")

// BatchBytes is approximately how many bytes of documents a copy reads and writes at a
// time.
const BatchBytes = 4 << 20

// Copying is the progress of a copy of another store. The target keeps it until the copy
// is complete.
type Copying struct {
	// Source describes where the documents come from, without secrets.
	Source string `json:"source" bson:"source"`
	// State identifies the state of the copied source. It is empty if the copied
	// documents have to be removed.
	State string `json:"state" bson:"state"`
	// Owner is the process that copies.
	Owner string `json:"owner" bson:"owner"`
	// The collections before Collection are copied, and Collection up to the position
	// After, in the source's format.
	Collection string `json:"collection" bson:"collection"`
	After      string `json:"after" bson:"after"`
}

// Unfinished is the error for a process that tries to use the copy.
func (c Copying) Unfinished() error {
	return fmt.Errorf(`%w of %s: finish it with "event-worker copy", or start with an empty store`, ErrUnfinishedCopy, c.Source)
}

// CheckCopy returns an error unless a document and its stored form have the same names
// and values.
func CheckCopy(original, stored json.RawMessage) error {
	if bytes.Equal(original, stored) {
		return nil
	}
	want, err1 := values(original)
	got, err2 := values(stored)
	if err := errors.Join(err1, err2); err != nil || reflect.DeepEqual(want, got) {
		return err
	}
	return fmt.Errorf("it would be stored as %.1000s", stored)
}

func values(doc json.RawMessage) (fields map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err = d.Decode(&fields); err == nil && (fields == nil || d.More()) {
		err = errors.New("it is not one JSON object")
	}
	return fields, err
}

// NameCopied names in an error the document that cannot be copied.
func NameCopied(collection string, doc json.RawMessage, err error) error {
	var keyed struct {
		ID string `json:"_id"`
	}
	if json.Unmarshal(doc, &keyed) == nil && keyed.ID != "" {
		return fmt.Errorf("%s: document %.200q cannot be copied: %w", collection, keyed.ID, err)
	}
	return fmt.Errorf("%s: a document cannot be copied: %.200q: %w", collection, doc, err)
}
