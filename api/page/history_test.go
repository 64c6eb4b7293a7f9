package page

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// chainAt is a snapshot of a chain with a number of events in its log, and a number of
// requests for each endpoint. All endpoints but the first are down.
func chainAt(at time.Time, name string, events int64, requests ...int64) snapshot {
	actors := []persistence.Actor{{
		ID: name + "/m/s/activity", Kind: "observer", Chain: name, Market: "m", Stream: "s", Events: events,
		Report: persistence.Report{Status: persistence.Following, Head: 100, Lag: 3},
	}, {ID: name + "/head", Kind: "head", Chain: name}}
	for i, n := range requests {
		state := persistence.EndpointUp
		if i > 0 {
			state = "down"
		}
		actors[1].Endpoints = append(actors[1].Endpoints, persistence.Endpoint{Host: fmt.Sprint("host", i), State: state, Requests: n})
	}
	return snapshot{at: at, actors: actors, tree: progress.Of(actors)}
}

var epoch = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// The history of a chain has the points of the last hour, in order, and is bounded however
// long the process runs.
func TestHistoryIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(epoch)
		at, added := epoch, []int64{}
		for range rapid.IntRange(1, 3*maxPoints).Draw(rt, "points") {
			at = at.Add(pointEvery)
			added = append(added, at.Unix())
			h.add(chainAt(at, "a", 0))
		}
		added = added[max(0, len(added)-maxPoints):]
		after := rapid.SampledFrom(added).Draw(rt, "after")
		got, known := h.of("a", after)
		var want []int64
		for _, a := range added {
			if a > after {
				want = append(want, a)
			}
		}
		if !known || fmt.Sprint(got.At) != fmt.Sprint(append([]int64{}, want...)) {
			rt.Fatalf("%d points after %d, want %d", len(got.At), after, len(want))
		}
		if len(h.chains["a"].points) > maxPoints || len(got.Lag) != len(got.At) || len(got.Events) != len(got.At) || len(got.Requests) != len(got.At) {
			rt.Fatalf("lists of different lengths, or too many")
		}
	})
}

// Rates are measured between points; the first point has none.
func TestHistoryRates(t *testing.T) {
	h := newHistory(epoch)
	for i, s := range []snapshot{
		chainAt(epoch, "a", 1000, 50, 7),
		chainAt(epoch.Add(5*time.Second), "a", 1010, 60, 7),
		chainAt(epoch.Add(7*time.Second), "a", 9999, 99, 7), // too soon for a point
		chainAt(epoch.Add(10*time.Second), "a", 1020, 70, 7),
		chainAt(epoch.Add(15*time.Second), "a", 1030, 80, 7),
		chainAt(epoch.Add(20*time.Second), "a", 900, 5, 7), // a reorganisation, and another owner whose counters begin anew
	} {
		h.add(s)
		if got, want := len(h.chains["a"].points), []int{1, 2, 2, 3, 4, 5}[i]; got != want {
			t.Errorf("after %d snapshots there are %d points, want %d", i+1, got, want)
		}
	}
	got, _ := h.of("a", 0)
	if got.Events[0] != nil || *got.Events[1] != 2 || *got.Events[3] != 2 || *got.Events[4] != 0 {
		t.Errorf("events a second: %v", text(got.Events))
	}
	if got.Requests[0] != nil || *got.Requests[1] != 2 || *got.Requests[3] != 2 || *got.Requests[4] != 35./20 {
		t.Errorf("requests a second: %v", text(got.Requests))
	}
	if got.Up[4] != 1 || got.Failing[4] != 1 || got.Lag[4] == 0 {
		t.Errorf("endpoints: %v up, %v failing; lag %v", got.Up, got.Failing, got.Lag)
	}
	if _, known := h.of("b", 0); known {
		t.Error("an unknown chain has a history")
	}
}

func text(rates []*float64) (out []string) {
	for _, r := range rates {
		if r == nil {
			out = append(out, "none")
		} else {
			out = append(out, fmt.Sprint(*r))
		}
	}
	return out
}

// The number of chains is limited, and chains that no longer exist are removed.
func TestHistoryOfManyChains(t *testing.T) {
	h := newHistory(epoch)
	var all []persistence.Actor
	for i := range maxChains + 10 {
		all = append(all, persistence.Actor{ID: fmt.Sprint("c", i, "/head"), Kind: "head", Chain: fmt.Sprint("c", i)})
	}
	h.add(snapshot{at: epoch, tree: progress.Of(all)})
	if len(h.chains) != maxChains {
		t.Errorf("%d chains are kept", len(h.chains))
	}
	h.add(snapshot{at: epoch.Add(pointEvery), tree: progress.Of(all[:2])})
	if len(h.chains) > 2 {
		t.Errorf("%d of 2 chains are kept", len(h.chains))
	}
}
