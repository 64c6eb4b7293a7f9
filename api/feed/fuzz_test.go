package feed

import (
	"net/http"
	"slices"
	"testing"

	"github.com/imart/event-worker/persistence"
)

// Whatever a reader asks for: it is refused, or gets known collections, each with a filter
// of its own at most.
func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"", "collection=orders&collection=records&chain=ethereum&market=seaport&after=0123456789abcdef-7", "tokenCollection=0xB0B&collection=activities",
		`filter.orders={status:"LISTING"}&filter.orders={side:"ask"}`, "filter.=&x=y", "filter.orders={final:true}", "collection=nodes", "a;b",
	} {
		f.Add(query, "")
	}
	f.Add("after=1", "0123456789abcdef-8")
	f.Fuzz(func(t *testing.T, query, last string) {
		r, err := http.NewRequest(http.MethodGet, "/feed", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		r.Header.Set("Last-Event-ID", last)
		q, err := parse(r)
		if err != nil {
			return
		}
		if err := persistence.CheckFeedCollections(q.collections); err != nil {
			t.Fatalf("%v: %v", q.collections, err)
		}
		if last != "" && q.after != last {
			t.Fatalf("after %q, not %q", q.after, last)
		}
		for collection := range q.Filters {
			if !slices.Contains(q.collections, collection) {
				t.Fatalf("a filter of %s, which is not among %v", collection, q.collections)
			}
		}
	})
}
