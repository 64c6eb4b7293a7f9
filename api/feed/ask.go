package feed

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
	"github.com/imart/event-worker/persistence/matching"
)

// ordinary are the collections that a reader gets without asking.
var ordinary = []string{persistence.Orders, persistence.Activities, persistence.Records}

// appended are the collections of what has happened: a document that is removed was taken back.
var appended = []string{persistence.Activities, persistence.Notifications, persistence.DeadLetters}

// constant are the collections whose documents never change. A document of another one that
// no longer matches a filter is as good as removed; people mark notifications as read.
var constant = []string{persistence.Activities, persistence.DeadLetters}

// tokenCollection is the path of the collection of a document's token.
const tokenCollection = "token.collection"

// ask is what a reader asks for.
type ask struct {
	after           string // empty: from now on
	collections     []string
	chains, markets []string // all if empty
	filters         map[string]persistence.Filter
}

// parse reads a request.
func parse(r *http.Request) (*ask, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	a := &ask{collections: values["collection"], chains: values["chain"], markets: values["market"], filters: map[string]persistence.Filter{}}
	if len(a.collections) == 0 {
		a.collections = slices.Clone(ordinary)
	}
	if err := persistence.CheckFeedCollections(a.collections); err != nil {
		return nil, err
	}
	for name, given := range values {
		switch {
		case name == "after":
			a.after = given[0]
		case name == "tokenCollection":
			err = a.ofToken(given, values.Has("collection"))
		case strings.HasPrefix(name, "filter."):
			err = a.filter(strings.TrimPrefix(name, "filter."), given)
		case !slices.Contains([]string{"collection", "chain", "market"}, name):
			err = fmt.Errorf("unknown parameter %.100q: known are after, collection, chain, market, tokenCollection and filter.COLLECTION", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" { // a browser repeats after when it comes back
		a.after = last
	}
	return a, nil
}

// ofToken restricts documents to those about tokens of some collections.
func (a *ask) ofToken(collections []string, chosen bool) error {
	either := persistence.Or{}
	for _, c := range collections {
		either = append(either, persistence.Is(tokenCollection, c))
	}
	var having []string
	for _, name := range a.collections {
		if documents.Of(name).At(tokenCollection).Type != "" {
			having = append(having, name)
			a.restrict(name, either)
		} else if chosen {
			return fmt.Errorf("tokenCollection: %s have no token: ask for them without it", name)
		}
	}
	a.collections = having
	return nil
}

// filter restricts the documents of a collection.
func (a *ask) filter(collection string, texts []string) error {
	if !slices.Contains(a.collections, collection) {
		return fmt.Errorf("filter.%.100s: the feed has no such collection, add collection=%.100s or remove the filter", collection, collection)
	}
	for _, text := range texts {
		f, err := documents.ParseFilter(collection, text)
		if err != nil {
			return fmt.Errorf("filter.%s: %w", collection, err)
		}
		if finality.Named(f.Condition) {
			return fmt.Errorf("filter.%s: %s cannot be filtered by: follow the events final", collection, finality.Field)
		}
		if f.Condition != nil {
			a.restrict(collection, f.Condition)
		}
	}
	return nil
}

func (a *ask) restrict(collection string, condition persistence.Condition) {
	if before := a.filters[collection].Condition; before != nil {
		condition = persistence.And{before, condition}
	}
	a.filters[collection] = persistence.Filter{Condition: condition}
}

// The names of events of changes.
const (
	put       = "put"
	removed   = "removed"
	retracted = "retracted"
)

// event returns the name of the event that tells of a change; empty if the reader is not
// concerned.
func (a *ask) event(c persistence.Change) (string, error) {
	switch {
	case !a.within(c):
		return "", nil
	case c.Removed() && slices.Contains(appended, c.Collection):
		return retracted, nil
	case c.Removed():
		return removed, nil
	}
	matches, err := matching.Document(a.filters[c.Collection], c.Document)
	switch {
	case err != nil:
		return "", err
	case matches:
		return put, nil
	case slices.Contains(constant, c.Collection):
		return "", nil
	}
	return removed, nil // the reader may have it
}

// within reports whether a change is of the chains and markets that the reader asks for. The
// IDs of documents begin with them; only nodes and requests are of no chain.
func (a *ask) within(c persistence.Change) bool {
	if slices.Contains([]string{persistence.Nodes, persistence.Requests}, c.Collection) {
		return true
	}
	chain, rest, _ := strings.Cut(c.ID, "/")
	market, _, _ := strings.Cut(rest, "/")
	return a.wants(chain, market)
}

func (a *ask) wants(chain, market string) bool {
	return (len(a.chains) == 0 || slices.Contains(a.chains, chain)) && (len(a.markets) == 0 || slices.Contains(a.markets, market))
}
