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
	"github.com/imart/event-worker/persistence/paging"
)

// The number of documents of a page.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

// parameters are the query parameters of a list.
var parameters = []string{"filter", "sort", "limit", "cursor"}

// asked is a request for a page.
type asked struct {
	paging.List // sorted by _id by default
	filter      persistence.Condition
	limit       int
	after       *paging.Place // the end of the previous page; nil for the first page
}

var errCursor = badRequest{"cursor: it does not belong to this collection, filter and sort: send next of the previous page with the same parameters, or start without a cursor"}

// parse reads the parameters of a list. Its errors are badRequest.
func parse(of documents.Collection, rawQuery string) (asked, error) {
	a := asked{List: paging.List{Of: of}, limit: defaultLimit}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return a, badRequest{"the query string is not valid: escape its parameters, as encodeURIComponent does"}
	}
	for name, all := range values {
		switch {
		case !slices.Contains(parameters, name):
			return a, badRequest{fmt.Sprintf("unknown parameter %q%s: known are %s", name, spelling.DidYouMean(name, parameters), strings.Join(parameters, ", "))}
		case len(all) > 1:
			return a, badRequest{fmt.Sprintf("the parameter %s is given %d times: give it once", name, len(all))}
		}
	}
	filter, err := documents.ParseFilter(of.Name, values.Get("filter"))
	if err != nil {
		return a, badRequest{err.Error()}
	}
	a.filter = filter.Condition
	if a.Sort, err = documents.ParseSort(of.Name, values.Get("sort")); err != nil {
		return a, badRequest{err.Error()}
	}
	if a.Sort, err = paging.CheckSort(of, a.Sort); err != nil {
		return a, badRequest{err.Error()}
	}
	if text := values.Get("limit"); text != "" {
		if a.limit, err = strconv.Atoi(text); err != nil || a.limit < 1 || a.limit > maxLimit {
			return a, badRequest{fmt.Sprintf("limit: %.100q is not an integer from 1 to %d", text, maxLimit)}
		}
	}
	a.Binding = paging.Binding(of.Name, strings.TrimSpace(values.Get("filter")), a.Sort)
	if a.after, err = a.Place(values.Get("cursor")); err != nil {
		return a, errCursor
	}
	return a, nil
}
