package progress

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// told returns the lines of progress that a look logs.
func (w *watched) told() []string {
	w.t.Helper()
	if err := w.Look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	text := timePattern.ReplaceAllString(w.said.String(), "")
	w.said.Reset()
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !strings.Contains(line, "is failing") && !strings.Contains(line, "stream has caught up") {
			out = append(out, line)
		}
	}
	return out
}

var measured = regexp.MustCompile(`(PerSecond=|eta=)\S+`)

// Each look logs a line for a chain that has history to read, and one more when it is at
// its head.
func TestLinesOfProgress(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Lines = true
	w.Start(t.Context())
	expect := func(when string, want ...string) {
		t.Helper()
		if got := measured.ReplaceAllString(strings.Join(w.told(), "\n"), "${1}N"); got != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, strings.Join(want, "\n"))
		}
	}
	expect("before there are actors", `INFO msg="this process owns no chain: other nodes own them all, or have not handed any over yet" configured=1`)
	w.claim("ethereum/head", "me", 0)
	expect("before the head is known", `INFO msg="waiting for the chain's endpoints" chain=ethereum`)
	w.is("ethereum/head", persistence.Following, 0, "")
	w.is(subjectID, persistence.Backfilling, 60, "")
	w.move(loggerID, 40, 3)
	w.is(loggerID, persistence.Backfilling, 60, "")
	w.is(subjectID, persistence.Backfilling, 60, "")
	expect("in the history", `INFO msg=progress chain=ethereum at=40 head=100 percent=40 eventsPerSecond=N requestsPerSecond=N behind=1 streams=1 slowest=seaport/list`)
	expect("and again", `INFO msg=progress chain=ethereum at=40 head=100 percent=40 eventsPerSecond=N requestsPerSecond=N behind=1 streams=1 slowest=seaport/list`)
	w.move(loggerID, 60, 3)
	w.is(subjectID, persistence.Following, 0, "")
	expect("at the head", `INFO msg="the chain is at its head: from now on it is summarised at intervals" chain=ethereum head=100 every=5m0s`)
	expect("and later")
}

// Streams that start above the head are not behind it.
func TestAboveTheHead(t *testing.T) {
	report := persistence.Report{Status: persistence.Following, Head: 100}
	stream := func(at markets.Place) *Stream {
		head := persistence.Actor{ID: "ethereum/head", Kind: "head", Chain: "ethereum", Place: markets.Place{Seq: 100, Hash: "0x1"}, Report: report}
		subject := persistence.Actor{ID: subjectID, Kind: "subject", Chain: "ethereum", Market: "seaport", Stream: "list", Place: at, Report: report}
		logger := subject
		logger.ID, logger.Kind = loggerID, "observer"
		tree := Of([]persistence.Actor{head, subject, logger})
		return tree[0].Markets[0].Streams[0]
	}
	for seq, want := range map[int64]bool{99: false, 100: false, 101: true, 1_000_000: true} {
		if s := stream(markets.Place{Seq: seq}); s.AboveHead() != want || s.Behind() && want {
			t.Errorf("at %d: %t, behind %t", seq, s.AboveHead(), s.Behind())
		}
	}
	if stream(markets.Place{Seq: 101, Hash: "0x2"}).AboveHead() {
		t.Error("a stream that has read block 101 does not start there")
	}
}

// Added and undone events are never negative, and their difference is that of the logs.
// Rates are never negative.
func TestMetersCountAddedAndUndone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func() Tree {
			var all []persistence.Actor
			for _, stream := range []string{"buy", "delist", "list"} {
				a := actorOf(stream, rapid.Int64Range(0, 200).Draw(r, "seq"), rapid.Int64Range(0, 50).Draw(r, "events"))
				all = append(all, a)
			}
			return Of(all)
		}
		now := time.Now()
		window := NewWindow(time.Minute)
		before := draw()
		window.Measure(now, before)
		meter := NewMeter(now, before)
		for i := range rapid.IntRange(1, 20).Draw(r, "looks") {
			after := draw()
			window.Measure(now.Add(time.Duration(i+1)*20*time.Second), after)
			added, undone := meter.Events(after)
			if added < 0 || undone < 0 || added-undone != after[0].Events()-before[0].Events() {
				r.Fatalf("%d added and %d undone, from %d to %d", added, undone, before[0].Events(), after[0].Events())
			}
			for s := range after.Streams() {
				if s.EventsPerSecond < 0 || s.HeightsPerSecond < 0 || s.Percent() < 0 || s.Percent() > 100 {
					r.Fatalf("%+v", s)
				}
			}
		}
		if len(window.meters) > marksInSpan+2 {
			r.Fatalf("%d meters", len(window.meters))
		}
	})
}

func actorOf(stream string, seq, events int64) persistence.Actor {
	a := persistence.Actor{
		ID: "ethereum/seaport/" + stream + "/activity", Kind: "observer", Chain: "ethereum", Market: "seaport", Stream: stream,
		Place: markets.Place{Seq: seq, Hash: fmt.Sprint(seq)}, Events: events, Report: persistence.Report{Status: persistence.Following, Head: 130},
	}
	a.Lag = max(0, a.Head-seq)
	return a
}

// A window measures over its span, not since its creation.
func TestWindow(t *testing.T) {
	now := time.Now()
	window := NewWindow(10 * time.Second)
	seq := int64(0)
	for second := range 60 {
		if second < 30 {
			seq += 5
		} else {
			seq++
		}
		tree := Of([]persistence.Actor{actorOf("list", seq, seq)})
		window.Measure(now.Add(time.Duration(second)*time.Second), tree)
		s := tree[0].Markets[0].Streams[0]
		if rate := s.HeightsPerSecond; second > 0 && second < 30 && rate != 5 || second > 41 && rate != 1 {
			t.Errorf("after %d s: %v a second", second, rate)
		}
	}
}

// The share of its history that a stream has read counts from its start.
func TestPercentFromTheStart(t *testing.T) {
	a := actorOf("list", 115, 0)
	a.Head, a.Lag = 200, 85
	a.Trail = markets.Trail{{Seq: 100}, {Seq: 115, Hash: "115"}}
	head := persistence.Actor{ID: "ethereum/head", Kind: "head", Chain: "ethereum", Place: markets.Place{Seq: 200, Hash: "200"}}
	if got := Of([]persistence.Actor{a, head})[0].Markets[0].Streams[0].Percent(); got != 15 {
		t.Errorf("%v %%, want 15", got)
	}
}
