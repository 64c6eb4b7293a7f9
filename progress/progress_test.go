package progress_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// actor returns the document of an actor of ethereum/seaport/list.
func actor(name, kind, state string, seq, lag, events int64) persistence.Actor {
	return persistence.Actor{
		ID: "ethereum/seaport/list/" + name, Kind: kind, Chain: "ethereum", Market: "seaport", Stream: "list",
		Documents: name != "activity" && kind == "observer", Place: markets.Place{Seq: seq, Hash: "h"}, Events: events,
		Report: persistence.Report{Status: state, Head: 130, Lag: lag},
	}
}

// list returns the documents of the package's example, with the stream list at a
// position.
func list(seq int64) []persistence.Actor {
	return []persistence.Actor{
		actor("subject", "subject", persistence.Following, 90, 40, 0),
		actor("activity", "observer", persistence.Following, 120, 10, 7),
		actor("order-list", "observer", persistence.Backfilling, seq, 30, 7),
	}
}

func only(t *testing.T, tree progress.Tree) *progress.Stream {
	t.Helper()
	all := slices.Collect(tree.Streams())
	if len(all) != 1 {
		t.Fatalf("%d streams", len(all))
	}
	return all[0]
}

func TestExample(t *testing.T) {
	now := time.Now()
	meter := progress.NewMeter(now, progress.Of(list(80)))
	tree := progress.Of(list(100))
	meter.Measure(now.Add(10*time.Second), tree)
	s := only(t, tree)
	if s.ID() != "ethereum/seaport/list" || s.Place.Seq != 100 || s.Head != 130 || s.Lag != 30 || s.Events != 7 || s.State != persistence.Following || !s.Started() {
		t.Errorf("%+v", s)
	}
	if eta, ok := s.ETA(); !ok || eta != 15*time.Second || s.HeightsPerSecond != 2 || s.EventsPerSecond != 0 {
		t.Errorf("%s at %v blocks/s, %v events/s", eta, s.HeightsPerSecond, s.EventsPerSecond)
	}
	if percent := s.Percent(); percent < 76.9 || percent > 77 {
		t.Errorf("%v %%", percent)
	}
}

// A stream that has only a subject is at its start, and has the subject's lag.
func TestBeforeObservers(t *testing.T) {
	s := only(t, progress.Of(list(100)[:1]))
	if s.Place.Seq != -1 || s.Lag != 40 || s.State != persistence.Following || s.Started() {
		t.Errorf("%+v", s)
	}
}

// A failure determines the state and the reason, a finality violation before any other;
// past errors do not.
func TestFailures(t *testing.T) {
	for _, states := range [][]string{
		{persistence.FinalityBroken, persistence.Retrying, persistence.Retrying},
		{persistence.Retrying, persistence.Following, persistence.FinalityBroken},
		{persistence.Following, persistence.Following, persistence.Retrying},
		{persistence.Following, persistence.Following, persistence.Backfilling},
	} {
		all := list(100)
		want, reason := persistence.Following, ""
		for i, state := range states {
			all[i].Status, all[i].LastError = state, state
			if all[i].Failing() && want != persistence.FinalityBroken {
				want, reason = state, state
			}
			if state == persistence.FinalityBroken {
				want, reason = state, state
			}
		}
		tree := progress.Of(all)
		s := only(t, tree)
		if s.State != want || s.Reason != reason || tree[0].Reason != reason {
			t.Errorf("%v: %s because of %q", states, s.State, s.Reason)
		}
	}
}

// A reorganisation removes events and blocks; the rate is then zero.
func TestReorganisation(t *testing.T) {
	now := time.Now()
	meter := progress.NewMeter(now, progress.Of(list(100)))
	after := list(90)
	after[1].Events = 4
	tree := progress.Of(after)
	meter.Measure(now, tree) // after no time
	meter.Measure(now.Add(time.Second), tree)
	s := only(t, tree)
	added, undone := meter.Events(tree)
	if s.EventsPerSecond != 0 || s.HeightsPerSecond != 0 || added != 0 || undone != 3 {
		t.Errorf("%+v, %d events added, %d undone", s, added, undone)
	}
	if eta, ok := s.ETA(); ok {
		t.Errorf("it arrives in %s", eta)
	}
}

// The tree does not depend on the order of the documents, the sums of chains are those
// of their streams, and names are sorted.
func TestTree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var all []persistence.Actor
		states := []string{"", persistence.Following, persistence.Backfilling, persistence.Retrying, persistence.FinalityBroken, persistence.Stopped}
		for _, chain := range []string{"a", "a-b", "b"} {
			all = append(all, persistence.Actor{ID: chain + "/head", Kind: "head", Chain: chain})
			for _, stream := range []string{"list", "list-2", "buy"} {
				for i, a := range list(rapid.Int64Range(0, 130).Draw(r, "seq")) {
					a.Chain, a.Stream = chain, stream
					a.ID = chain + "/seaport/" + stream + "/" + []string{"subject", "activity", "order"}[i]
					a.Status = rapid.SampledFrom(states).Draw(r, "state")
					a.LastError = a.Status
					a.Restarts = rapid.Int64Range(0, 3).Draw(r, "restarts")
					if rapid.Bool().Draw(r, "exists") {
						all = append(all, a)
					}
				}
			}
		}
		tree := progress.Of(all)
		shuffled := slices.Clone(all)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if !reflect.DeepEqual(tree, progress.Of(shuffled)) {
			r.Fatal("another tree from the same documents")
		}
		var restarts, want int64
		last := ""
		for _, c := range tree {
			restarts += c.Restarts
			for s := range c.Streams() {
				if c.Name+" "+s.Name < last || s.Lag > c.Lag() || s.Lag < 0 {
					r.Errorf("%s: %+v after %s", c.Name, s, last)
				}
				last = c.Name + " " + s.Name
			}
		}
		for _, a := range all {
			want += a.Restarts
		}
		if restarts != want {
			r.Errorf("%d restarts, want %d", restarts, want)
		}
	})
}
