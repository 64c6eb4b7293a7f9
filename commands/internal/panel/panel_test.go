package panel

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// drawActors draws the actors' documents of some chains.
func drawActors(r *rapid.T) (all []persistence.Actor) {
	states := []string{"", persistence.Following, persistence.Backfilling, persistence.Retrying, persistence.FinalityBroken, persistence.Stopped, persistence.Paused}
	for c := range rapid.IntRange(0, 6).Draw(r, "chains") {
		chain := fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"aptos", "ethereum", "漢字"}).Draw(r, "name"), c)
		hash := ""
		if !strings.HasPrefix(chain, "aptos") {
			hash = "0x1"
		}
		head := rapid.Int64Range(0, 2_386_891_061).Draw(r, "head")
		add := func(id, kind, market, stream string, at markets.Place, lag int64) {
			status := rapid.SampledFrom(states).Draw(r, "state")
			a := persistence.Actor{ID: chain + id, Kind: kind, Chain: chain, Market: market, Stream: stream, Node: rapid.SampledFrom([]string{"me", "other"}).Draw(r, "node"), Place: at}
			a.Report = persistence.Report{Status: status, Head: head, Lag: lag}
			if a.Failing() {
				a.LastError = "HTTP 502 from \x1b[2J\n" + strings.Repeat("x", 300)
			}
			a.Events = rapid.Int64Range(0, 1_000_000_000).Draw(r, "events")
			if rapid.IntRange(0, 9).Draw(r, "missing") > 0 {
				all = append(all, a)
			}
		}
		add("", "chain", "", "", markets.Place{}, 0)
		add("/head", "head", "", "", markets.Place{Seq: head, Hash: hash}, 0)
		for s := range rapid.IntRange(0, 9).Draw(r, "streams") {
			stream := fmt.Sprint(rapid.SampledFrom([]string{"buy", "collection-offer-accept"}).Draw(r, "stream"), s)
			at := markets.Place{Seq: rapid.Int64Range(-1, 3_000_000_000).Draw(r, "seq"), Hash: hash}
			if hash == "" && rapid.Bool().Draw(r, "read") {
				at.Through = rapid.Int64Range(1, 3_000_000_000).Draw(r, "through")
			}
			lag := max(0, head-at.Height())
			add("/m/"+stream+"/subject", "subject", "m", stream, at, lag)
			add("/m/"+stream+"/activity", "observer", "m", stream, at, lag)
		}
	}
	return all
}

// measured is a tree with rates.
func measured(all []persistence.Actor) progress.Tree {
	now, window := time.Now(), progress.NewWindow(time.Second)
	window.Measure(now, progress.Of(nil))
	tree := progress.Of(all)
	window.Measure(now.Add(time.Second), tree)
	return tree
}

// For any actors, the lines fit the width and the height and contain no control characters.
// If the height is unlimited, every failing stream is shown.
func TestFramesFit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tree := measured(drawActors(r))
		width, height := rapid.IntRange(1, 200).Draw(r, "width"), rapid.IntRange(1, 60).Draw(r, "height")
		v := View{Tree: tree, Node: "me", Title: "me follows 3 chains in data folder data", Configured: 3, Lasted: time.Hour}
		if rapid.Bool().Draw(r, "failed") {
			v.Failed = errors.New("no primary answers\n\x1b[2J")
		}
		lines := Frame(v, width, height, rapid.Bool().Draw(r, "colours"))
		if len(lines) > height {
			r.Fatalf("%d lines of %d", len(lines), height)
		}
		for _, line := range lines {
			plain := table.Uncoloured(line)
			if table.Width(plain) > width || strings.ContainsAny(plain, "\x1b\n\r\t") {
				r.Fatalf("%q is %d wide, not %d", plain, table.Width(plain), width)
			}
		}
		own, _ := tree.Of("me")
		all := strings.Join(Lines(own, 0, 0, false), "\n")
		for s := range own.Streams() {
			if s.Failing != "" && !strings.Contains(all, s.Market+"/"+s.Name) {
				r.Fatalf("no %s, which fails, in\n%s", s.ID(), all)
			}
		}
	})
}

// Position and head are in the same unit: on Aptos both are ledger versions. A stream of
// which nothing has been read has no position.
func TestOneUnit(t *testing.T) {
	head := persistence.Report{Status: persistence.Following, Head: 2_386_891_061, Endpoints: []persistence.Endpoint{{Requests: 30}}}
	subject := func(stream string, at markets.Place, lag int64) []persistence.Actor {
		s := persistence.Actor{ID: "aptos/tradeport/" + stream + "/subject", Kind: "subject", Chain: "aptos", Market: "tradeport", Stream: stream, Place: at}
		s.Report = persistence.Report{Status: persistence.Backfilling, Head: head.Head, Lag: lag}
		o := s
		o.ID, o.Kind, o.Trail = "aptos/tradeport/"+stream+"/activity", "observer", markets.Trail{{Seq: 7}, {Seq: 8, Through: 2_386_000_000}}
		return []persistence.Actor{s, o}
	}
	all := append(subject("buy", markets.Place{Seq: 61_371, Through: 2_386_445_530}, 445_531), subject("list", markets.Place{Seq: 135_604}, 2_386_755_457)...)
	all = append(all, persistence.Actor{ID: "aptos/head", Kind: "head", Chain: "aptos", Place: markets.Place{Seq: head.Head}, Report: head})
	got := strings.Join(Lines(progress.Of(all), 0, 0, false), "\n")
	want := `stream                       at      lag     %  events  events/s  state
aptos head        2,386,891,061
  tradeport/buy   2,386,445,530  445,531  49.9       0         0  backfilling
  tradeport/list          start            0.0       0         0  backfilling`
	if got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

// The chains of other nodes take one line, and a stream that starts above the head says so.
func TestFrameOfANodeInACluster(t *testing.T) {
	chain := func(name, node string, seq int64) []persistence.Actor {
		report := persistence.Report{Status: persistence.Following, Head: 100}
		return []persistence.Actor{
			{ID: name, Kind: "chain", Chain: name, Node: node, Report: persistence.Report{Status: persistence.Running}},
			{ID: name + "/head", Kind: "head", Chain: name, Node: node, Place: markets.Place{Seq: 100, Hash: "0x1"}, Report: report},
			{ID: name + "/m/s/subject", Kind: "subject", Chain: name, Market: "m", Stream: "s", Node: node, Place: markets.Place{Seq: seq}, Report: report},
			{ID: name + "/m/s/activity", Kind: "observer", Chain: name, Market: "m", Stream: "s", Node: node, Place: markets.Place{Seq: seq}, Report: report},
		}
	}
	all := append(chain("bsc", "other", 100), chain("ethereum", "me", 500)...)
	got := strings.Join(Frame(View{Tree: progress.Of(all), Node: "me", Title: "me follows 2 chains", Lasted: 65 * time.Second}, 80, 20, false), "\n")
	want := `
me follows 2 chains, for 1m05s; Ctrl-C stops
stream          at  lag  events  events/s  state
ethereum head  100
  m/s          500    0       0         0  above the head
on other nodes: bsc on other, lag 0`
	if got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

// If not all streams fit, each chain takes one line, but a failing stream has its own. A
// quarter of the terminal is left to the log.
func TestFrameWithoutRoom(t *testing.T) {
	var all []persistence.Actor
	for c := range 6 {
		chain := fmt.Sprint("chain-", c)
		report := persistence.Report{Status: persistence.Following, Head: 100}
		all = append(all, persistence.Actor{ID: chain, Kind: "chain", Chain: chain, Node: "me", Report: persistence.Report{Status: persistence.Running}},
			persistence.Actor{ID: chain + "/head", Kind: "head", Chain: chain, Node: "me", Place: markets.Place{Seq: 100, Hash: "0x1"}, Report: report})
		for s := range 9 {
			a := persistence.Actor{ID: fmt.Sprintf("%s/m/s%d/activity", chain, s), Kind: "observer", Chain: chain, Market: "m", Stream: fmt.Sprint("s", s), Node: "me", Place: markets.Place{Seq: 100, Hash: "0x1"}, Report: report}
			if c == 4 && s == 7 {
				a.Status, a.LastError = persistence.Retrying, "HTTP 502"
			}
			all = append(all, a)
		}
	}
	got := strings.Join(Frame(View{Tree: progress.Of(all), Node: "me", Title: "me follows 6 chains", Lasted: time.Second}, 80, 24, false), "\n")
	want := `
me follows 6 chains, for 1s; Ctrl-C stops
stream               at  lag    %  events  events/s  state
chain-0, 9 streams  100    0  100       0         0  following
chain-1, 9 streams  100    0  100       0         0  following
chain-2, 9 streams  100    0  100       0         0  following
chain-3, 9 streams  100    0  100       0         0  following
chain-4 head        100
  m/s7              100    0  100       0         0  retrying
    HTTP 502
  8 more streams                        0         0  following
chain-5, 9 streams  100    0  100       0         0  following`
	if got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	for i := range all {
		all[i].Chain = "one"
		all[i].ID = strings.Replace(all[i].ID, "chain-", "one/", 1)
		if all[i].Stream != "" {
			all[i].Stream += all[i].ID
		}
	}
	all[0].ID = "one"
	if lines := len(Frame(View{Tree: progress.Of(all), Node: "me"}, 80, 24, false)); lines > 18 {
		t.Errorf("%d lines of 24", lines)
	}
}
