package resource

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

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

// found is a page.
type found struct {
	docs []json.RawMessage
	next *place // nil if nothing comes behind the page
}

// entry is a document and the place behind it.
type entry struct {
	doc json.RawMessage
	place
}

// read reads a page, and before it the position of the feed whose changes it has; empty if the
// data have no feed.
func (s *server) read(ctx context.Context, a asked) (position string, f found, err error) {
	if position, err = s.now.position.get(ctx); err != nil {
		return "", found{}, err
	}
	filter, mark := a.filter, func(doc json.RawMessage) (json.RawMessage, error) { return doc, nil }
	if recent, told := s.now.horizons[a.of.Name]; told {
		horizon, err := recent.get(ctx)
		if err != nil {
			return "", found{}, err
		}
		translated, err := horizon.Filter(persistence.Filter{Condition: filter})
		if err != nil {
			return "", found{}, badRequest{err.Error()}
		}
		filter, mark = translated.Condition, horizon.Mark // both of the same horizon
	}
	entries, next, err := s.page(ctx, a, filter)
	if err != nil {
		return "", found{}, err
	}
	f.next = next
	for _, e := range entries {
		doc, err := mark(e.doc)
		if err != nil {
			return "", found{}, err
		}
		f.docs = append(f.docs, doc)
	}
	return position, f, nil
}

// page reads the documents of a page, and where the next one begins.
func (s *server) page(ctx context.Context, a asked, filter persistence.Condition) ([]entry, *place, error) {
	condition := filter
	if a.after != nil {
		condition = both(filter, behind(a.sort, *a.after))
	}
	entries, err := s.entries(ctx, a, condition, a.sort, a.limit+1)
	if err != nil {
		return nil, nil, err
	}
	orderTies(entries)
	if len(entries) <= a.limit {
		return entries, nil, nil
	}
	last := entries[a.limit].place
	whole := entries[:a.limit]
	if a.unique() || !equal(whole[a.limit-1].values, last.values) {
		return whole, &place{whole[a.limit-1].values, whole[a.limit-1].id}, nil
	}
	for len(whole) > 0 && equal(whole[len(whole)-1].values, last.values) {
		whole = whole[:len(whole)-1]
	}
	begin := place{values: last.values}
	if a.after != nil && equal(a.after.values, last.values) {
		begin.id = a.after.id
	}
	ties, err := s.entries(ctx, a, both(filter, tied(a.sort, begin)), byID, a.limit-len(whole))
	if err != nil {
		return nil, nil, err
	}
	if len(ties) > 0 {
		begin = ties[len(ties)-1].place
	}
	return append(whole, ties...), &begin, nil
}

var byID = []persistence.SortKey{{Path: "_id"}}

// unique reports whether no two documents have the same values.
func (a asked) unique() bool { return a.sort[len(a.sort)-1].Path == "_id" }

func (s *server) entries(ctx context.Context, a asked, condition persistence.Condition, sort []persistence.SortKey, limit int) ([]entry, error) {
	var all []entry
	skeleton := a.skeleton()
	q := persistence.Query{Collection: a.of.Name, Filter: persistence.Filter{Condition: condition}, Sort: sort, Limit: limit}
	for doc, err := range s.Data.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		at, err := a.placeAt(doc, skeleton)
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

// tied is the condition that a document has the values of a place, and comes behind it.
func tied(sort []persistence.SortKey, at place) persistence.Condition {
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
func behind(sort []persistence.SortKey, at place) persistence.Condition {
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
