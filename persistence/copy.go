package persistence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrUnfinishedCopy says that data are a copy of others that is not complete.
// Nothing may be written to them but the rest of it.
var ErrUnfinishedCopy = errors.New("it holds an unfinished copy")

// ErrOtherCopy says that a copy is not where a process has left it: another one has
// gone on with it. Nothing was written.
var ErrOtherCopy = errors.New("another process has gone on with this copy")

// Copying is how far a copy of another store's documents has come. It is kept in
// the store that they are copied to until the copy is complete.
type Copying struct {
	// Source is where the documents come from, for people and without secrets.
	Source string `json:"source" bson:"source"`
	// State tells states of the source from each other: the one that is copied. It is
	// empty while what was copied is of no use and must go.
	State string `json:"state" bson:"state"`
	// Owner is the process that copies.
	Owner string `json:"owner" bson:"owner"`
	// Everything of the collections before Collection is copied, and of Collection
	// everything up to the place After; see Document.
	Collection string `json:"collection" bson:"collection"`
	After      string `json:"after" bson:"after"`
}

// Unfinished is the error of a process that would write to data that are a copy.
func (c Copying) Unfinished() error {
	return fmt.Errorf(`%w of %s: finish it with "event-worker copy", or begin with an empty one`, ErrUnfinishedCopy, c.Source)
}

// Document is a document as Query yields it.
type Document struct {
	// At is its place in its collection, which only its own store understands. It is
	// never empty.
	At   string
	JSON json.RawMessage
}

// CheckCopy compares a document with what a store has made of it: names and values
// must be the same.
func CheckCopy(original, stored json.RawMessage) error {
	if bytes.Equal(original, stored) {
		return nil
	}
	want, err := values(original)
	if err != nil {
		return err
	}
	got, err := values(stored)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("it would be stored as %.1000s", stored)
	}
	return nil
}

// values is a document without the order of its names and the spelling of its
// texts.
func values(doc json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil || d.More() {
		return nil, errors.New("it is not one JSON object")
	}
	return object, nil
}

// NameCopied is an error that names the document that it is about.
func NameCopied(collection string, doc json.RawMessage, err error) error {
	var keyed struct {
		ID string `json:"_id"`
	}
	if json.Unmarshal(doc, &keyed) == nil && keyed.ID != "" {
		return fmt.Errorf("%s: document %.200q cannot be copied: %w", collection, keyed.ID, err)
	}
	return fmt.Errorf("%s: a document cannot be copied: %.200q: %w", collection, doc, err)
}
