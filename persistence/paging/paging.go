// Package paging reads long lists page by page, in any order.
//
// Documents are ordered by the sort keys, then by _id. A page consists of the documents after
// a place in that order, so changes before the place do not matter. Queries sort by the keys
// without _id, so that existing indexes provide the order, and read one document more than the
// page, to learn whether a next page exists:
//
//	4 documents after (5, c)      5 5 6 7 7
//	their _ids                    d e a b f
//
// If the value of the page's last document extends beyond the page, as the 7s do here, the
// store may have another document of that value with a lower _id. A second query then reads
// the documents of that value by _id, of the same snapshot.
package paging

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// maxBytes bounds the documents of a page: no more are read once they exceed it, except
// that a page has at least one.
const maxBytes = 1 << 20

// List is a sorted collection.
type List struct {
	Of      documents.Collection
	Sort    []persistence.SortKey // as CheckSort returns it
	Binding string                // identifies the list in cursors; see the function Binding
}

// entry is a document and the place after it.
type entry struct {
	doc json.RawMessage
	Place
}

// Page reads up to limit documents that match a filter, after a place or, if it is nil, from
// the start; fewer if they are large. It also returns where the next page begins; nil on the last
// page.
func (l List) Page(ctx context.Context, docs persistence.Querier, filter persistence.Condition, after *Place, limit int) (found []json.RawMessage, next *Place, err error) {
	var entries []entry
	err = persistence.AsOfOneMoment(ctx, docs, func(docs persistence.Querier) (err error) {
		entries, next, err = l.page(ctx, docs, filter, after, limit)
		return err
	})
	for _, e := range entries {
		found = append(found, e.doc)
	}
	return found, next, err
}

func (l List) page(ctx context.Context, docs persistence.Querier, filter persistence.Condition, after *Place, limit int) ([]entry, *Place, error) {
	condition := filter
	if after != nil {
		condition = both(filter, beyond(l.Sort, *after))
	}
	entries, whole, err := l.entries(ctx, docs, condition, l.Sort, limit+1)
	if err != nil {
		return nil, nil, err
	}
	orderTies(entries)
	if whole && len(entries) <= limit {
		return entries, nil, nil
	}
	limit = len(entries) - 1
	extra, page := entries[limit].Place, entries[:limit]
	if l.unique() || !equal(page[limit-1].values, extra.values) {
		next := page[limit-1].Place
		return page, &next, nil
	}
	for len(page) > 0 && equal(page[len(page)-1].values, extra.values) {
		page = page[:len(page)-1]
	}
	next := Place{values: extra.values}
	if after != nil && equal(after.values, extra.values) {
		next.id = after.id
	}
	ties, _, err := l.entries(ctx, docs, both(filter, tiedAfter(l.Sort, next)), byID, limit-len(page))
	if err != nil {
		return nil, nil, err
	}
	if len(ties) > 0 {
		next = ties[len(ties)-1].Place
	}
	return append(page, ties...), &next, nil
}

var byID = []persistence.SortKey{{Path: "_id"}}

// unique reports whether all documents have different sort values.
func (l List) unique() bool { return l.Sort[len(l.Sort)-1].Path == "_id" }

// entries reads up to limit documents. They are not whole if maxBytes ended the reading.
func (l List) entries(ctx context.Context, docs persistence.Querier, condition persistence.Condition, sort []persistence.SortKey, limit int) (all []entry, whole bool, err error) {
	size, skeleton := 0, l.skeleton()
	q := persistence.Query{Collection: l.Of.Name, Filter: persistence.Filter{Condition: condition}, Sort: sort, Limit: limit}
	for doc, err := range docs.Query(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		at, err := l.placeAt(doc, skeleton)
		if err != nil {
			return nil, false, err
		}
		all = append(all, entry{doc, at})
		if size += len(doc); size > maxBytes && len(all) > 1 {
			return all, false, nil
		}
	}
	return all, true, nil
}

// orderTies sorts adjacent entries with equal values by _id.
func orderTies(entries []entry) {
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && equal(entries[n].values, entries[0].values) {
			n++
		}
		slices.SortFunc(entries[:n], func(x, y entry) int { return strings.Compare(x.id, y.id) })
		entries = entries[n:]
	}
}

func equal(a, b []any) bool { return slices.EqualFunc(a, b, equalValues) }

func equalValues(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return a == b
}

func both(a, b persistence.Condition) persistence.Condition {
	if a == nil {
		return b
	}
	return persistence.And{a, b}
}

// tiedAfter matches documents after a place that have its values.
func tiedAfter(sort []persistence.SortKey, at Place) persistence.Condition {
	if sort[len(sort)-1].Path == "_id" {
		return persistence.Or{} // none: _ids are unique
	}
	c := persistence.And{}
	for i, key := range sort {
		c = append(c, persistence.Is(key.Path, at.values[i]))
	}
	return append(c, persistence.Compare{Path: "_id", Operator: persistence.Greater, Operand: at.id})
}

// beyond matches documents after a place. The first part of the condition follows from the
// others: it lets the store start reading an index where the page begins.
func beyond(sort []persistence.SortKey, at Place) persistence.Condition {
	either := persistence.Or{}
	for i := range sort {
		same := persistence.And{}
		for j, before := range sort[:i] {
			same = append(same, persistence.Is(before.Path, at.values[j]))
		}
		either = append(either, append(same, valueAfter(sort[i], at.values[i])))
	}
	either = append(either, tiedAfter(sort, at))
	return persistence.And{valueFrom(sort[0], at.values[0]), either}
}

// valueAfter matches documents whose value of a key comes after another one. Documents without
// a value come first in ascending order, and last in descending order.
func valueAfter(key persistence.SortKey, value any) persistence.Condition {
	switch {
	case value == nil && key.Descending:
		return persistence.Or{} // none
	case value == nil:
		return persistence.Not{Condition: persistence.Is(key.Path, nil)}
	case key.Descending:
		return persistence.Or{persistence.Compare{Path: key.Path, Operator: persistence.Less, Operand: value}, persistence.Is(key.Path, nil)}
	}
	return persistence.Compare{Path: key.Path, Operator: persistence.Greater, Operand: value}
}

// valueFrom matches documents whose value of a key equals another one or comes after it.
func valueFrom(key persistence.SortKey, value any) persistence.Condition {
	switch {
	case value == nil && key.Descending:
		return persistence.Is(key.Path, nil)
	case value == nil:
		return persistence.And{} // all
	case key.Descending:
		return persistence.Not{Condition: persistence.Compare{Path: key.Path, Operator: persistence.Greater, Operand: value}}
	}
	return persistence.Compare{Path: key.Path, Operator: persistence.GreaterOrEqual, Operand: value}
}
