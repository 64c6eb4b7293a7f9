package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unique"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/chaos/linear"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// clockStep is by how much the server's clock, which is this machine's, may be corrected
// unnoticed.
const clockStep = 100 * time.Millisecond

// interval returns when a commit took effect: not before the server's time of the commit, and
// not after now. sinceStart is measured by a clock that nothing sets. The server's clock may have
// been set forward, as after a virtual machine was suspended, whether before the commit or after
// it: the interval allows for both.
func interval(at, started, now time.Time, sinceStart time.Duration) linear.Interval {
	forward := max(0, now.Sub(started)-sinceStart)
	return linear.Interval{Call: at.Add(-clockStep - forward).Sub(started), Return: sinceStart}
}

// truth is the commits to the documents that clients read, as they are in the oplog.
type truth struct {
	started time.Time
	log     linear.Log
	err     error // the first one
}

// take adds a transaction.
func (h *truth) take(t history.Transaction) {
	if len(t.Changes) == 0 || h.err != nil {
		return
	}
	c := linear.Commit{
		Time:     oplogTime(t.TS),
		Interval: interval(t.At, h.started.Round(0), time.Now().Round(0), time.Since(h.started)),
	}
	for _, change := range t.Changes {
		text, err := documentOf(change)
		if err != nil {
			h.err = fmt.Errorf("commit to %s %s: %w", change.Collection, change.ID, err)
			return
		}
		c.Changes = append(c.Changes, linear.Change{Collection: change.Collection, ID: change.ID, Document: text})
	}
	h.log.Commits = append(h.log.Commits, c)
}

func oplogTime(ts bson.Timestamp) uint64 { return uint64(ts.T)<<32 | uint64(ts.I) }

// documentOf returns the JSON form of a document after a change, empty if it was deleted.
func documentOf(c history.Change) (string, error) {
	switch {
	case c.Deleted:
		return "", nil
	case !c.Whole:
		return "", fmt.Errorf("it updates fields, and clients of the feed would not get the whole document: %v", c.Set)
	}
	text, err := forms[c.Collection](c.Set)
	return intern(text), err
}

// intern returns the text in memory that is shared with equal texts.
func intern(text []byte) string { return unique.Make(string(text)).Value() }

// forms convert documents to JSON.
var forms = map[string]func(bson.Raw) ([]byte, error){
	persistence.Orders:      form[documents.Order],
	persistence.Activities:  form[documents.Activity],
	persistence.DeadLetters: form[documents.DeadLetter],
	persistence.Records:     form[documents.Record],
}

func form[T any](raw bson.Raw) ([]byte, error) {
	var doc T
	decoder := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	decoder.SetRegistry(documents.Registry())
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}
