package explain_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var now = time.Unix(1e9, 0).UTC()

// After any sequence of transitions, forward and back, complete and interrupted, an
// explanation is of the stored order, at each height that of a model, and its changes yield
// the order.
func TestAnExplanationIsTheFoldOfTheLog(t *testing.T) {
	onBothStores(t, func(t *testing.T, store persistence.Store) {
		rapid.Check(t, func(t *rapid.T) {
			w := newWorld(t, store, drawHistory(t))
			last := w.all[len(w.all)-1].Seq
			for range rapid.IntRange(5, 15).Draw(t, "actions") {
				stream := pick(t, streams...)
				place := func() int64 { return int64(rapid.IntRange(0, int(last)).Draw(t, "place")) }
				switch rapid.IntRange(0, 5).Draw(t, "action") {
				case 0:
					w.forget(stream)
				case 1, 2:
					w.read(stream, place())
				case 3:
					w.fold(stream, place(), rapid.IntRange(1, 2).Draw(t, "commits"))
				default:
					w.fold(stream, place(), -1)
				}
				for _, key := range []string{"0xa", "0xb"} {
					w.check(key)
				}
			}
			for _, stream := range streams {
				w.read(stream, last)
				w.fold(stream, pick(t, 0, last), 1)
				w.check("0xa")
			}
			for _, stream := range streams {
				w.fold(stream, w.docs[stream].Seq, -1)
			}
			for _, key := range []string{"0xa", "0xb"} {
				w.check(key)
				w.checkHeights(key, last)
			}
		})
	})
}

// During a transition, some documents are at its start and others at its end.
func TestAnExplanationInTheMiddleOfATransition(t *testing.T) {
	onBothStores(t, func(t *testing.T, store persistence.Store) {
		w := newWorld(t, store, append(traded("0xa"), listing("0xb")))
		last := w.all[len(w.all)-1].Seq
		for _, stream := range streams {
			w.read(stream, last)
		}
		for _, to := range []int64{last, 0} {
			w.fold("list", to, 1)
			if !w.pending() {
				t.Fatalf("the transition to %d is over", to)
			}
			for _, key := range []string{"0xa", "0xb"} {
				w.check(key)
			}
			w.fold("list", to, -1)
		}
	})
}

func (w *world) pending() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.docs)), func(a persistence.Actor) bool { return a.Pending != nil })
}

// explain explains an order of the world; false if it is unknown.
func (w *world) explain(key string, at *explain.At) (explain.Explanation, bool) {
	w.Helper()
	e, err := explain.Order(context.Background(), w.store, w.ref.Chain+"/"+w.ref.Market+"/"+key, at, now)
	if errors.Is(err, explain.ErrUnknown) {
		return e, false
	}
	w.must(err)
	return e, true
}

// check checks the explanation of an order's current state.
func (w *world) check(key string) {
	w.Helper()
	e, known := w.explain(key, nil)
	done, waiting := w.executed(key)
	own := func(e markets.Event) bool { return e.Order == key }
	if known != (slices.ContainsFunc(done, own) || slices.ContainsFunc(waiting, own)) {
		w.Fatalf("%s: known %v, of the log %v and %v", key, known, ids(w, done), ids(w, waiting))
	}
	if !known {
		return
	}
	if len(e.Differences) > 0 {
		w.Fatalf("%s differs from its document: %s", key, asJSON(w, e.Differences))
	}
	stored, err := persistence.Collect[markets.Order](context.Background(), w.store, persistence.Query{
		Collection: persistence.Orders, Filter: persistence.Filter{Condition: append(w.ref.Documents(), persistence.Equals("key", key))},
	})
	w.must(err)
	if (len(stored) == 1) != (e.Order != nil) || e.Order != nil && asJSON(w, stored[0]) != asJSON(w, e.Order) {
		w.Fatalf("%s is explained as\n%s and stored as\n%s", key, asJSON(w, e.Order), asJSON(w, stored))
	}
	w.checkChanges(e)
	if w.pending() {
		return
	}
	var steps, behind []string
	for _, s := range e.Steps {
		steps = append(steps, s.Activity)
	}
	for _, s := range e.Waiting {
		behind = append(behind, s.Activity)
	}
	if !slices.Equal(steps, ids(w, done)) || !slices.Equal(behind, ids(w, waiting)) {
		w.Fatalf("%s: steps %v, waiting %v, want %v and %v", key, steps, behind, ids(w, done), ids(w, waiting))
	}
}

// checkChanges applies the changes to empty fields, and checks that each is explained by
// its event.
func (w *world) checkChanges(e explain.Explanation) {
	w.Helper()
	fields := explain.Fields{}
	for _, s := range e.Steps {
		for _, c := range s.Changes {
			if string(fields[c.Field]) != string(c.From) || string(c.From) == string(c.To) {
				w.Fatalf("%s changes %s from %s to %s, and it is %s", s.Activity, c.Field, c.From, c.To, fields[c.Field])
			}
		}
		fields.Apply(s.Changes)
		position, _ := json.Marshal(s.Event.Position)
		if s.Concerns != (string(fields["last"]) == string(position)) || !s.Concerns && s.By == nil && len(s.Changes) > 0 {
			w.Fatalf("%s (concerns %v, %q) leaves the order at %s", s.Activity, s.Concerns, s.Ignored, fields["last"])
		}
	}
	if e.Order == nil {
		if len(fields) > 0 {
			w.Fatalf("the changes make %s of an order that does not exist", asJSON(w, fields))
		}
		return
	}
	order, err := fields.Order()
	w.must(err)
	if asJSON(w, order) != asJSON(w, e.Order) {
		w.Fatalf("the changes make %s of %s", asJSON(w, order), asJSON(w, e.Order))
	}
}

// checkHeights checks the explanation of an order at every height and time.
func (w *world) checkHeights(key string, last int64) {
	w.Helper()
	done, _ := w.executed(key)
	heights := map[int64]bool{0: true, last + 1: true}
	for _, e := range done {
		heights[e.Position.Height] = true
	}
	for height := range heights {
		clock := time.Unix(1e9+height, 0).UTC()
		var then []markets.Event
		for _, e := range done {
			if e.Position.Height <= height {
				then = append(then, e)
			}
		}
		want, exists := markets.FoldOrder(w.ref.Chain, w.ref.Market, key, then)
		for _, at := range []*explain.At{{Height: &height}, {Time: &clock}} {
			e, known := w.explain(key, at)
			if !known {
				return
			}
			if exists != (e.Order != nil) || exists && asJSON(w, want) != asJSON(w, e.Order) || len(e.Steps) != len(then) || e.Later != len(done)-len(then) {
				w.Fatalf("%s at %s: %s, want %s of %d events", key, asJSON(w, at), asJSON(w, e), asJSON(w, want), len(then))
			}
			w.checkChanges(e)
		}
	}
}

func asJSON(w *world, v any) string {
	w.Helper()
	text, err := json.Marshal(v)
	w.must(err)
	return string(text)
}
