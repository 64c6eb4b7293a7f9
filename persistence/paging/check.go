package paging

import (
	"fmt"
	"slices"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// sortable are the types of fields whose values have an order.
var sortable = []documents.Type{
	documents.String, documents.Int, documents.Long, documents.Double, documents.Bool, documents.Date, documents.Amount,
}

// maxSortKeys bounds a cursor and the conditions that it becomes.
const maxSortKeys = 5

// CheckSort returns the keys to sort by, by _id at least. Behind _id nothing is left to sort.
func CheckSort(of documents.Collection, keys []persistence.SortKey) ([]persistence.SortKey, error) {
	if len(keys) > maxSortKeys {
		return nil, fmt.Errorf("sort: %d fields: give %d at most", len(keys), maxSortKeys)
	}
	for i, k := range keys {
		list, _ := of.List(k.Path)
		switch f := of.At(k.Path); {
		case list != "":
			return nil, fmt.Errorf("sort: %s is in a list, of which there are several", k.Path)
		case f.Type == documents.Object:
			return nil, fmt.Errorf("sort: %s is a document: name a field in it, such as %s.%s", k.Path, k.Path, f.Fields[0].Name)
		case f.MongoOnly, !slices.Contains(sortable, f.Type):
			return nil, fmt.Errorf("sort: nothing can be sorted by %s, whose values may be of any type", k.Path)
		case slices.ContainsFunc(keys[:i], func(before persistence.SortKey) bool { return before.Path == k.Path }):
			return nil, fmt.Errorf("sort: %s is there twice", k.Path)
		}
	}
	if i := slices.IndexFunc(keys, func(k persistence.SortKey) bool { return k.Path == "_id" }); i >= 0 {
		return keys[:i+1], nil
	}
	if len(keys) == 0 {
		return []persistence.SortKey{{Path: "_id"}}, nil
	}
	return keys, nil
}
