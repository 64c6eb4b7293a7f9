// Package paging reads long lists page by page, in any order.
//
// Documents are in the order of the sort keys, and those with equal values in the order of
// _id. A page is what comes behind a place in that order, so it does not matter what has
// changed before the place. Stores are asked without _id among the keys, since then the
// indexes that exist give the order:
//
//	asked for 4 behind (5, c)     5 5 6 7 7 │ one more, to know whether there is a next page
//	in order of _id               d e a b f
//	the last value goes on        7 7 may have an a as well: the 7s are read again, by _id
//
// Only if the last value goes on beyond the page a second query is needed.
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

// List is a collection in an order.
type List struct {
	Of   documents.Collection
	Sort []persistence.SortKey // as CheckSort returns it
	// Binding is what a cursor belongs to.
	Binding string
}

// entry is a document and the place behind it.
type entry struct {
	doc json.RawMessage
	Place
}

// Page reads the documents that match and come behind a place, or the first ones if it is nil,
// and where the next page begins; nil if nothing comes behind.
func (l List) Page(ctx context.Context, docs persistence.Querier, filter persistence.Condition, after *Place, limit int) (found []json.RawMessage, next *Place, err error) {
	entries, next, err := l.page(ctx, docs, filter, after, limit)
	for _, e := range entries {
		found = append(found, e.doc)
	}
	return found, next, err
}

func (l List) page(ctx context.Context, docs persistence.Querier, filter persistence.Condition, after *Place, limit int) ([]entry, *Place, error) {
	condition := filter
	if after != nil {
		condition = both(filter, behind(l.Sort, *after))
	}
	entries, err := l.entries(ctx, docs, condition, l.Sort, limit+1)
	if err != nil {
		return nil, nil, err
	}
	orderTies(entries)
	if len(entries) <= limit {
		return entries, nil, nil
	}
	last := entries[limit].Place
	whole := entries[:limit]
	if l.unique() || !equal(whole[limit-1].values, last.values) {
		return whole, &Place{whole[limit-1].values, whole[limit-1].id}, nil
	}
	for len(whole) > 0 && equal(whole[len(whole)-1].values, last.values) {
		whole = whole[:len(whole)-1]
	}
	begin := Place{values: last.values}
	if after != nil && equal(after.values, last.values) {
		begin.id = after.id
	}
	ties, err := l.entries(ctx, docs, both(filter, tied(l.Sort, begin)), byID, limit-len(whole))
	if err != nil {
		return nil, nil, err
	}
	if len(ties) > 0 {
		begin = ties[len(ties)-1].Place
	}
	return append(whole, ties...), &begin, nil
}

var byID = []persistence.SortKey{{Path: "_id"}}

// unique reports whether no two documents have the same values.
func (l List) unique() bool { return l.Sort[len(l.Sort)-1].Path == "_id" }

func (l List) entries(ctx context.Context, docs persistence.Querier, condition persistence.Condition, sort []persistence.SortKey, limit int) ([]entry, error) {
	var all []entry
	skeleton := l.skeleton()
	q := persistence.Query{Collection: l.Of.Name, Filter: persistence.Filter{Condition: condition}, Sort: sort, Limit: limit}
	for doc, err := range docs.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		at, err := l.placeAt(doc, skeleton)
		if err != nil {
			return nil, err
		}
		all = append(all, entry{doc, at})
	}
	return all, nil
}

// orderTies puts entries with equal values, which stand together, in the order of _id.
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

// tied is the condition that a document has the values of a Place, and comes behind it.
func tied(sort []persistence.SortKey, at Place) persistence.Condition {
	c := persistence.And{}
	for i, key := range sort {
		c = append(c, persistence.Is(key.Path, at.values[i]))
	}
	if sort[len(sort)-1].Path == "_id" {
		return persistence.Or{} // nothing has the same _id
	}
	return append(c, persistence.Compare{Path: "_id", Operator: persistence.Greater, Operand: at.id})
}

// behind is the condition that a document comes behind a place. Its first part follows from the
// others: it lets the store begin to read an index where the page begins.
func behind(sort []persistence.SortKey, at Place) persistence.Condition {
	either := persistence.Or{}
	for i := range sort {
		same := persistence.And{}
		for j, before := range sort[:i] {
			same = append(same, persistence.Is(before.Path, at.values[j]))
		}
		either = append(either, append(same, beyond(sort[i], at.values[i])))
	}
	either = append(either, tied(sort, at))
	return persistence.And{from(sort[0], at.values[0]), either}
}

// beyond is the condition that a value comes behind another. Without a value documents come
// first, or last if it goes down.
func beyond(key persistence.SortKey, value any) persistence.Condition {
	switch {
	case value == nil && key.Descending:
		return persistence.Or{} // nothing does
	case value == nil:
		return persistence.Not{Condition: persistence.Is(key.Path, nil)}
	case key.Descending:
		return persistence.Or{persistence.Compare{Path: key.Path, Operator: persistence.Less, Operand: value}, persistence.Is(key.Path, nil)}
	}
	return persistence.Compare{Path: key.Path, Operator: persistence.Greater, Operand: value}
}

// from is the condition that a value does not come before another.
func from(key persistence.SortKey, value any) persistence.Condition {
	switch {
	case value == nil && key.Descending:
		return persistence.Is(key.Path, nil)
	case value == nil:
		return persistence.And{} // everything
	case key.Descending:
		return persistence.Not{Condition: persistence.Compare{Path: key.Path, Operator: persistence.Greater, Operand: value}}
	}
	return persistence.Compare{Path: key.Path, Operator: persistence.GreaterOrEqual, Operand: value}
}
