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

// tokenCollection is the path of the collection of a document's token.
const tokenCollection = "token.collection"

// ask is what a reader asks for.
type ask struct {
	after       string // empty: from now on
	collections []string
	matching.Selection
}

// parse reads a request.
func parse(r *http.Request) (*ask, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	a := &ask{
		collections: values["collection"],
		Selection:   matching.Selection{Chains: values["chain"], Markets: values["market"], Filters: map[string]persistence.Filter{}},
	}
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
	if before := a.Filters[collection].Condition; before != nil {
		condition = persistence.And{before, condition}
	}
	a.Filters[collection] = persistence.Filter{Condition: condition}
}
