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

// documents are the documents that people read, by key: orders and activities, without
// the times at which they were written.
type documents map[string]string

// documentsOf returns the documents of a market's events.
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

// stored returns the documents of a store.
func stored(ctx context.Context, store persistence.Store) (documents, error) {
	d := documents{}
	orders, err := persistence.Collect[markets.Order](ctx, store, persistence.Query{Collection: persistence.Orders})
	if err != nil {
		return nil, err
	}
	for _, order := range orders {
		d["order "+order.ID()] = text(order)
	}
	activities, err := persistence.Collect[markets.Activity](ctx, store, persistence.Query{Collection: persistence.Activities})
	if err != nil {
		return nil, err
	}
	for _, a := range activities {
		key := "activity " + a.ID()
		if d[key] != "" { // the embedded store has no unique key that would prevent this
			return nil, fmt.Errorf("%s is stored twice", key)
		}
		d[key] = text(a)
	}
	return d, nil
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// difference describes how documents differ from the correct ones; empty if they do not.
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
			lines = append(lines, "unexpected: "+key)
		}
	}
	slices.Sort(lines)
	const most = 12
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	return strings.Join(lines, "\n  ")
}

// missingFrom describes which activities are not among the correct ones, or that too many of
// those are missing.
func (d documents) missingFrom(right documents) string {
	missing := 0
	for key := range right {
		if d[key] == "" {
			missing++
		}
	}
	for key, is := range d {
		if strings.HasPrefix(key, "activity ") && is != right[key] {
			return "unexpected: " + key
		}
	}
	if missing > len(right)/2 {
		return fmt.Sprintf("%d of %d missing", missing, len(right))
	}
	return ""
}

var logNumber = regexp.MustCompile(`(/\d+\.\d+)\.\d+`)

// unnumbered returns the keys only, without the indices of logs.
func (d documents) unnumbered() documents {
	out := documents{}
	for key := range d {
		key = logNumber.ReplaceAllString(key, "$1")
		out[key] = key
	}
	return out
}

// fields describes the fields in which a document differs from the correct one.
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

// report describes the state of the worker's actors.
func report(ctx context.Context, store persistence.Store) string {
	all, err := persistence.Collect[persistence.Actor](ctx, store, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, a := range all {
		lines = append(lines, fmt.Sprintf("%s %s at %d, head %d, dead letters %d: %s", a.ID, a.Status, a.Seq, a.Head, a.DeadLetters, a.LastError))
		for _, e := range a.Endpoints {
			lines = append(lines, fmt.Sprintf("    %+v", e))
		}
	}
	letters, err := persistence.Collect[markets.DeadLetter](ctx, store, persistence.Query{Collection: persistence.DeadLetters})
	if err != nil {
		return err.Error()
	}
	for _, l := range letters {
		lines = append(lines, fmt.Sprintf("dead letter %s: %s", l.ID(), l.Reason))
	}
	return strings.Join(lines, "\n  ")
}
