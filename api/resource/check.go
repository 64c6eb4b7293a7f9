package resource

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
)

// checkCondition returns an error for a filter on what documents never have.
func checkCondition(of documents.Collection, c persistence.Condition) error {
	switch c := c.(type) {
	case persistence.And:
		return checkConditions(of, c)
	case persistence.Or:
		return checkConditions(of, c)
	case persistence.Not:
		return checkCondition(of, c.Condition)
	case persistence.Exists:
		_, err := fieldAt(of, c.Path)
		return err
	case persistence.Compare:
		f, err := fieldAt(of, c.Path)
		if err != nil {
			return err
		}
		return checkWord(f, c)
	}
	return nil
}

func checkConditions(of documents.Collection, cs []persistence.Condition) error {
	for _, c := range cs {
		if err := checkCondition(of, c); err != nil {
			return err
		}
	}
	return nil
}

// checkWord returns an error for a word that a field never has.
func checkWord(f documents.Field, c persistence.Compare) error {
	word, isText := c.Operand.(string)
	if f.Enum == nil || !isText || c.Operator != persistence.Equal || slices.Contains(f.Enum.Values, word) {
		return nil
	}
	return badRequest{fmt.Sprintf("filter: %s is never %q%s: it is one of %s", c.Path, word, spelling.DidYouMean(word, f.Enum.Values), strings.Join(f.Enum.Values, ", "))}
}

// fieldAt returns the field at a path that documents are shown with.
func fieldAt(of documents.Collection, path string) (documents.Field, error) {
	f := documents.Field{Type: documents.Object, Fields: of.Shown()}
	for i, name := range strings.Split(path, ".") {
		if f.Type == documents.Free || f.Type == documents.Counts {
			return documents.Field{Type: documents.Free}, nil // whatever is in there
		}
		if _, err := strconv.ParseUint(name, 10, 16); err == nil && f.List {
			f.List = false // an element
			continue
		}
		at := slices.IndexFunc(f.Fields, func(f documents.Field) bool { return f.Name == name && !f.MongoOnly })
		if at < 0 {
			return f, unknownField(of, f, strings.Split(path, ".")[:i+1])
		}
		f = f.Fields[at]
	}
	return f, nil
}

func unknownField(of documents.Collection, in documents.Field, path []string) error {
	var known []string
	for _, f := range in.Fields {
		if !f.MongoOnly {
			known = append(known, f.Name)
		}
	}
	name, within := path[len(path)-1], of.Name
	if len(path) > 1 {
		within += "' " + strings.Join(path[:len(path)-1], ".")
	}
	if len(known) == 0 {
		return badRequest{fmt.Sprintf("unknown field %q: %s has no fields", strings.Join(path, "."), strings.Join(path[:len(path)-1], "."))}
	}
	return badRequest{fmt.Sprintf("unknown field %q of %s%s: known are %s", name, within, spelling.DidYouMean(name, known), strings.Join(known, ", "))}
}

// sortable are the types of fields whose values have an order.
var sortable = []documents.Type{
	documents.String, documents.Int, documents.Long, documents.Double, documents.Bool, documents.Date, documents.Amount,
}

// maxSortKeys bounds a cursor and the conditions that it becomes.
const maxSortKeys = 5

// checkSort returns the keys to sort by, by _id at least. Behind _id nothing is left to sort.
func checkSort(of documents.Collection, keys []persistence.SortKey) ([]persistence.SortKey, error) {
	if len(keys) > maxSortKeys {
		return nil, badRequest{fmt.Sprintf("sort: %d fields: give %d at most", len(keys), maxSortKeys)}
	}
	for i, k := range keys {
		f, err := fieldAt(of, k.Path)
		if err != nil {
			return nil, err
		}
		list, _ := of.List(k.Path)
		switch {
		case k.Path == finality.Field && finality.Of(of.Name):
			return nil, badRequest{fmt.Sprintf("nothing can be sorted by %s, which is not stored: filter by it", finality.Field)}
		case list != "":
			return nil, badRequest{fmt.Sprintf("sort: %s is in a list, of which there are several", k.Path)}
		case f.Type == documents.Object:
			return nil, badRequest{fmt.Sprintf("sort: %s is a document: name a field in it, such as %s.%s", k.Path, k.Path, f.Fields[0].Name)}
		case !slices.Contains(sortable, f.Type):
			return nil, badRequest{fmt.Sprintf("sort: nothing can be sorted by %s, whose values may be of any type", k.Path)}
		case slices.ContainsFunc(keys[:i], func(before persistence.SortKey) bool { return before.Path == k.Path }):
			return nil, badRequest{fmt.Sprintf("sort: %s is there twice", k.Path)}
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
