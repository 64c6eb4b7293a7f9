package histories

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
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
		key := "activity " + a.ID()
		if d[key] != "" { // the embedded log has no key that would forbid it
			return nil, fmt.Errorf("%s is stored twice", key)
		}
		d[key] = text(a)
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
			lines = append(lines, key+": "+fields(got[key], want[key]))
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

// but says which activities are not among those that are right, or that too many of
// these are missing.
func (d documents) but(right documents) string {
	missing := 0
	for key := range right {
		if d[key] == "" {
			missing++
		}
	}
	for key, is := range d {
		if strings.HasPrefix(key, "activity ") && is != right[key] {
			return "too much: " + key
		}
	}
	if missing > len(right)/2 {
		return fmt.Sprintf("%d of %d missing", missing, len(right))
	}
	return ""
}

var logNumber = regexp.MustCompile(`(/\d+\.\d+)\.\d+`)

// unnumbered is the keys alone, without the indices of logs.
func (d documents) unnumbered() documents {
	out := documents{}
	for key := range d {
		key = logNumber.ReplaceAllString(key, "$1")
		out[key] = key
	}
	return out
}

// fields are those in which a document is not as it should be.
func fields(got, want string) string {
	var is, should map[string]json.RawMessage
	if json.Unmarshal([]byte(got), &is) != nil || json.Unmarshal([]byte(want), &should) != nil {
		return got
	}
	names := slices.Sorted(maps.Keys(should))
	for name := range is {
		if _, ok := should[name]; !ok {
			names = append(names, name)
		}
	}
	var differ []string
	for _, name := range names {
		if string(is[name]) != string(should[name]) {
			differ = append(differ, fmt.Sprintf("%s is %s, not %s", name, is[name], should[name]))
		}
	}
	return strings.Join(differ, "; ")
}

// report is what the worker's actors tell.
func report(ctx context.Context, store persistence.Store) string {
	all, err := load[persistence.Actor](ctx, store, persistence.Actors)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, a := range all {
		lines = append(lines, fmt.Sprintf("%s %s at %d, head %d, letters %d: %s", a.ID, a.Status, a.Seq, a.Head, a.DeadLetters, a.LastError))
		for _, e := range a.Endpoints {
			lines = append(lines, fmt.Sprintf("    %+v", e))
		}
	}
	letters, err := load[markets.DeadLetter](ctx, store, persistence.DeadLetters)
	if err != nil {
		return err.Error()
	}
	for _, l := range letters {
		lines = append(lines, fmt.Sprintf("letter %s: %s", l.ID(), l.Reason))
	}
	return strings.Join(lines, "\n  ")
}
