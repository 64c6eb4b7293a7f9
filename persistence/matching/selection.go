package matching

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// What a change means to a reader that keeps the documents it is told of.
const (
	Put       = "put"       // the document is new, or has changed
	Removed   = "removed"   // the document is no longer there, or no longer matches the filter
	Retracted = "retracted" // what has happened is taken back, by a reorganisation or a rewind
)

// appended are the collections of what has happened: a document that is removed was taken back.
var appended = []string{persistence.Activities, persistence.Notifications, persistence.DeadLetters}

// constant are the collections whose documents never change. A document of another one that
// no longer matches a filter is as good as removed; people mark notifications as read.
var constant = []string{persistence.Activities, persistence.DeadLetters}

// Selection is the changes that a reader of a feed wants.
type Selection struct {
	Chains, Markets []string                      // all if empty
	Filters         map[string]persistence.Filter // by collection; of documents that are there
}

// Meaning returns what a change means to the reader; empty if the reader is not concerned.
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
	return Removed, nil // the reader may have it
}

// within reports whether a change is of the chains and markets that the reader wants. The
// IDs of documents begin with them; only nodes and requests are of no chain.
func (s Selection) within(c persistence.Change) bool {
	if slices.Contains([]string{persistence.Nodes, persistence.Requests}, c.Collection) {
		return true
	}
	chain, rest, _ := strings.Cut(c.ID, "/")
	market, _, _ := strings.Cut(rest, "/")
	return s.Wants(chain, market)
}

// Wants reports whether the reader wants the changes of a market of a chain.
func (s Selection) Wants(chain, market string) bool {
	return among(s.Chains, chain) && among(s.Markets, market)
}

func among(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}
