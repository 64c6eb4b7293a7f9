package histories

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// documents are what people read, by key: orders and activities, without what says only
// when they were written.
type documents map[string]string

// documentsOf are those that a market's events make.
func documentsOf(name string, all []markets.Event) documents {
	d := documents{}
	slices.SortFunc(all, func(a, b markets.Event) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.Stream, b.Stream))
	})
	byOrder := map[string][]markets.Event{}
	for _, e := range all {
		a := markets.Activity{Chain: chainName, Market: name, Event: e}
		d["activity "+a.ID()] = text(a)
		byOrder[e.Order] = append(byOrder[e.Order], e)
	}
	for key, of := range byOrder {
		if order, ok := markets.FoldOrder(chainName, name, key, of); ok {
			d["order "+order.ID()] = text(order)
		}
	}
	return d
}

// stored are the documents of a store.
func stored(ctx context.Context, store persistence.Store) (documents, error) {
	d := documents{}
	orders, err := load[markets.Order](ctx, store, persistence.Orders)
	if err != nil {
		return nil, err
	}
	for _, order := range orders {
		d["order "+order.ID()] = text(order)
	}
	activities, err := load[markets.Activity](ctx, store, persistence.Activities)
	if err != nil {
		return nil, err
	}
	for _, a := range activities {
		d["activity "+a.ID()] = text(a)
	}
	return d, nil
}

// load are the documents of a collection.
func load[T any](ctx context.Context, store persistence.Store, collection string) ([]T, error) {
	var all []T
	for doc, err := range store.Query(ctx, persistence.Query{Collection: collection}) {
		var one T
		if err == nil {
			err = json.Unmarshal(doc, &one)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// difference says how documents differ from those that are right; empty if they do not.
func difference(got, want documents) string {
	var lines []string
	for key := range want {
		if got[key] == "" {
			lines = append(lines, "missing "+key)
		} else if got[key] != want[key] {
			lines = append(lines, fmt.Sprintf("%s\n    is   %s\n    want %s", key, got[key], want[key]))
		}
	}
	for key := range got {
		if want[key] == "" {
			lines = append(lines, "too much: "+key)
		}
	}
	slices.Sort(lines)
	const most = 12
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	return strings.Join(lines, "\n  ")
}

// clone is the same documents with others.
func (d documents) with(others documents) documents {
	all := maps.Clone(d)
	maps.Copy(all, others)
	return all
}
