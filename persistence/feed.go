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
// must start again with Newest and the documents themselves.
var ErrPositionGone = errors.New("the changes after this position are no longer kept")

// ErrPositionInvalid means that a text is not a position of this feed.
var ErrPositionInvalid = errors.New("not a position of this feed")

// Change is a committed change of one document.
type Change struct {
	// Position is the position after the change: a reader that continues there receives
	// every later change exactly once. It is opaque, printable ASCII without spaces.
	Position string
	// Collection is the document's collection; empty if only the position has advanced.
	Collection string
	ID         string
	// Document is the whole document after the change, in the JSON form that Query yields;
	// nil if the change removed it. For actors, leases, nodes and requests it is the
	// document at the time of reading, and changes that others follow may be missing.
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
	// Changes yields the changes of some collections after a position, in the order of
	// their commits, and within a commit in the order of its writes. At the end it waits
	// for more until ctx ends, and yields changes without a collection, at once and then
	// about once a second. It survives short outages of the server. Its last error is
	// ErrPositionGone, ErrPositionInvalid, that of ctx, or one of the store.
	Changes(ctx context.Context, after string, collections []string) iter.Seq2[Change, error]
	// Reached reports whether a reader at a position has all changes before another
	// position. Both are positions of this feed.
	Reached(position, other string) bool
}

// CheckFeedCollections returns an error if a feed does not have the changes of a
// collection.
func CheckFeedCollections(collections []string) error {
	for _, name := range collections {
		if !slices.Contains(FeedCollections, name) {
			return fmt.Errorf("%q has no feed: the collections with a feed are %s", name, strings.Join(FeedCollections, ", "))
		}
	}
	return nil
}

// FeedCollections are the collections whose changes a feed contains.
var FeedCollections = []string{Orders, Activities, Records, Notifications, DeadLetters, Actors, Leases, Nodes, Requests}
