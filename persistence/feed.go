package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// ErrPositionGone means that the changes after a position are no longer kept. The reader
// has to start again: from Newest, and then with the documents themselves.
var ErrPositionGone = errors.New("the changes after this position are no longer kept")

// ErrPositionInvalid means that a text is not a position of this feed.
var ErrPositionInvalid = errors.New("not a position of this feed")

// Change is one change of one document, as a commit made it.
type Change struct {
	// Position is the place after the change: a reader that continues there misses nothing
	// and gets nothing twice. It is opaque, printable ASCII without spaces.
	Position string
	// Collection is that of the document; empty if there was no change, and only the position
	// has advanced.
	Collection string
	ID         string
	// Document is the whole document as the change left it, in the JSON form that Query
	// yields; nil if the change removed it. Of actors, leases, nodes and requests, of which
	// only the latest state matters, it is the document as it is when it is read, and some
	// changes that others follow may be missing.
	Document json.RawMessage
}

// Removed reports whether the commit removed the document.
func (c Change) Removed() bool { return c.Document == nil }

// Feed is the sequence of all committed changes of the collections in FeedCollections. To
// keep a copy of the documents: take Newest, read the documents by Query, and apply all
// changes after that position, each as a replacement or a removal.
type Feed interface {
	// Newest returns the position after all changes committed so far. A query that begins
	// afterwards sees all of them.
	Newest(ctx context.Context) (string, error)
	// Changes yields the changes of some collections after a position, in the order of their
	// commits, and within a commit in the order of its writes. At the end it waits for more,
	// until ctx ends; while it waits it yields changes without a collection, at once and then
	// about once a second. It outlives a server that is briefly unavailable. ErrPositionGone,
	// ErrPositionInvalid.
	Changes(ctx context.Context, after string, collections []string) iter.Seq2[Change, error]
	// Reached reports whether a reader at a position has all changes before another position.
	// Both are positions of this feed.
	Reached(position, other string) bool
}

// CheckFeedCollections returns an error unless a feed has the changes of collections.
func CheckFeedCollections(collections []string) error {
	for _, name := range collections {
		if !slices.Contains(FeedCollections, name) {
			return fmt.Errorf("no feed of %q: the collections with one are %s", name, strings.Join(FeedCollections, ", "))
		}
	}
	return nil
}

// FeedCollections are the collections whose changes a feed has.
var FeedCollections = []string{Orders, Activities, Records, Notifications, DeadLetters, Actors, Leases, Nodes, Requests}
