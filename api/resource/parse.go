package resource

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// The number of documents of a page.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

// parameters are those of a list.
var parameters = []string{"filter", "sort", "limit", "cursor"}

// asked is what a client asks of a collection.
type asked struct {
	of     documents.Collection
	filter persistence.Condition
	sort   []persistence.SortKey // as asked, and by _id if nothing was; ties are by _id
	limit  int
	after  *place // the end of the former page; nil of the first
	query  string // what a cursor belongs to
}

// parse reads the parameters of a list. Its errors are badRequest.
func parse(of documents.Collection, rawQuery string) (asked, error) {
	a := asked{of: of, limit: defaultLimit}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return a, badRequest{"the part behind the question mark is not valid: escape what is in its parameters, as encodeURIComponent does"}
	}
	for name, all := range values {
		switch {
		case !slices.Contains(parameters, name):
			return a, badRequest{fmt.Sprintf("unknown parameter %q%s: known are %s", name, spelling.DidYouMean(name, parameters), strings.Join(parameters, ", "))}
		case len(all) > 1:
			return a, badRequest{fmt.Sprintf("the parameter %s is there %d times: give it once", name, len(all))}
		}
	}
	filter, err := documents.ParseFilter(of.Name, values.Get("filter"))
	if err != nil {
		return a, badRequest{err.Error()}
	}
	a.filter = filter.Condition
	if a.sort, err = documents.ParseSort(of.Name, values.Get("sort")); err != nil {
		return a, badRequest{err.Error()}
	}
	if a.sort, err = checkSort(of, a.sort); err != nil {
		return a, err
	}
	if text := values.Get("limit"); text != "" {
		if a.limit, err = strconv.Atoi(text); err != nil || a.limit < 1 || a.limit > maxLimit {
			return a, badRequest{fmt.Sprintf("limit: give a number from 1 to %d, not %.100q", maxLimit, text)}
		}
	}
	a.query = binding(of.Name, strings.TrimSpace(values.Get("filter")), a.sort)
	if text := values.Get("cursor"); text != "" {
		if a.after, err = a.placeOf(text); err != nil {
			return a, err
		}
	}
	return a, nil
}
