package feed

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
	"github.com/imart/event-worker/persistence/matching"
)

// defaultCollections are served unless the reader names collections.
var defaultCollections = []string{persistence.Orders, persistence.Activities, persistence.Records}

// tokenCollection is the path of the collection of a document's token.
const tokenCollection = "token.collection"

// request is what a reader asks for.
type request struct {
	after       string // a position; empty: from now on
	collections []string
	matching.Selection
}

// parse reads the parameters of a request.
func parse(r *http.Request) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	q := &request{
		collections: values["collection"],
		Selection:   matching.Selection{Chains: values["chain"], Markets: values["market"], Filters: map[string]persistence.Filter{}},
	}
	if len(q.collections) == 0 {
		q.collections = slices.Clone(defaultCollections)
	}
	if err := persistence.CheckFeedCollections(q.collections); err != nil {
		return nil, err
	}
	if given := values["tokenCollection"]; given != nil { // first: it may leave collections out
		if err := q.filterTokens(given, values.Has("collection")); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		switch {
		case name == "after":
			q.after = given[0]
		case strings.HasPrefix(name, "filter."):
			err = q.filter(strings.TrimPrefix(name, "filter."), given)
		case !slices.Contains([]string{"collection", "chain", "market", "tokenCollection"}, name):
			err = fmt.Errorf("unknown parameter %.100q: known are after, collection, chain, market, tokenCollection and filter.COLLECTION", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" { // browsers reconnect with the first URL
		q.after = last
	}
	return q, nil
}

// filterTokens restricts documents to those about tokens of some collections. Collections of
// documents without a token are an error if the reader named them, and left out otherwise.
func (q *request) filterTokens(tokenCollections []string, named bool) error {
	anyOf := persistence.Or{}
	for _, c := range tokenCollections {
		anyOf = append(anyOf, persistence.Is(tokenCollection, c))
	}
	var withToken []string
	for _, name := range q.collections {
		if documents.Of(name).At(tokenCollection).Type != "" {
			withToken = append(withToken, name)
			q.restrict(name, anyOf)
		} else if named {
			return fmt.Errorf("tokenCollection: %s have no token: request them without it", name)
		}
	}
	q.collections = withToken
	return nil
}

// filter restricts the documents of a collection.
func (q *request) filter(collection string, texts []string) error {
	if !slices.Contains(q.collections, collection) {
		return fmt.Errorf("filter.%.100s: the feed does not include this collection: add collection=%.100s or remove the filter", collection, collection)
	}
	for _, text := range texts {
		f, err := documents.ParseFilter(collection, text)
		if err != nil {
			return fmt.Errorf("filter.%s: %w", collection, err)
		}
		if finality.Named(f.Condition) {
			return fmt.Errorf("filter.%s: cannot filter by %s: follow the events of type final", collection, finality.Field)
		}
		if f.Condition != nil {
			q.restrict(collection, f.Condition)
		}
	}
	return nil
}

func (q *request) restrict(collection string, condition persistence.Condition) {
	if before := q.Filters[collection].Condition; before != nil {
		condition = persistence.And{before, condition}
	}
	q.Filters[collection] = persistence.Filter{Condition: condition}
}
