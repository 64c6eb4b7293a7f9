package matching

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// The meanings of a change for a reader that keeps a copy of the documents.
const (
	Put       = "put"       // the document is new, or has changed
	Removed   = "removed"   // the document was removed, or no longer matches the filter
	Retracted = "retracted" // a reorganisation or a rewind has undone the event
)

// appended are the collections of events: removing a document retracts its event.
var appended = []string{persistence.Activities, persistence.Notifications, persistence.DeadLetters}

// constant are the collections whose documents never change. In other ones a changed document
// may no longer match a filter: even notifications change, when they are marked as read.
var constant = []string{persistence.Activities, persistence.DeadLetters}

// Selection selects the changes of a feed for a reader.
type Selection struct {
	Chains, Markets []string                      // all if empty
	Filters         map[string]persistence.Filter // by collection
}

// Meaning returns the meaning of a change for the reader; empty if it is not selected.
func (s Selection) Meaning(c persistence.Change) (string, error) {
	switch {
	case !s.within(c):
		return "", nil
	case c.Removed() && slices.Contains(appended, c.Collection):
		return Retracted, nil
	case c.Removed():
		return Removed, nil
	}
	matches, err := Document(s.Filters[c.Collection], c.Document)
	switch {
	case err != nil:
		return "", err
	case matches:
		return Put, nil
	case slices.Contains(constant, c.Collection):
		return "", nil
	}
	return Removed, nil // the reader may have a previous version
}

// within reports whether a change is of a selected chain and market. The IDs of documents
// begin with these; only nodes and requests belong to no chain, and are always selected.
func (s Selection) within(c persistence.Change) bool {
	if slices.Contains([]string{persistence.Nodes, persistence.Requests}, c.Collection) {
		return true
	}
	chain, rest, _ := strings.Cut(c.ID, "/")
	market, _, _ := strings.Cut(rest, "/")
	return s.Wants(chain, market)
}

// Wants reports whether a market of a chain is selected.
func (s Selection) Wants(chain, market string) bool {
	return among(s.Chains, chain) && among(s.Markets, market)
}

func among(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}
