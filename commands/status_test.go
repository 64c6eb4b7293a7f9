package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// drawState draws the state of a cluster or of a folder, with some failing chains.
func drawState(r *rapid.T, now time.Time) state {
	states := []string{persistence.Following, persistence.Following, persistence.Following, persistence.Backfilling, persistence.Stopped, persistence.Paused, persistence.Retrying, persistence.FinalityBroken}
	var all []persistence.Actor
	add := func(id, kind string, at markets.Place) {
		names := append(strings.Split(id, "/"), "", "")
		a := persistence.Actor{ID: id, Kind: kind, Chain: names[0], Node: "worker-1", Place: at, UpdatedAt: now.Add(-time.Duration(rapid.IntRange(0, 100_000).Draw(r, "age")) * time.Second)}
		if kind == "subject" || kind == "observer" || kind == "worker" {
			a.Market, a.Stream = names[1], names[2]
		}
		a.Report = persistence.Report{Status: rapid.SampledFrom(states).Draw(r, "state"), Head: 2_386_891_061, Lag: rapid.Int64Range(0, 2_386_891_061).Draw(r, "lag")}
		if a.Failing() {
			a.LastError = "HTTP 502 from \x1b[2J\n" + strings.Repeat("漢", rapid.IntRange(0, 99).Draw(r, "error"))
		}
		if kind == "head" {
			for e := range rapid.IntRange(0, 4).Draw(r, "endpoints") {
				a.Endpoints = append(a.Endpoints, persistence.Endpoint{Host: fmt.Sprintf("node-%d.example.com", e), State: rapid.SampledFrom([]string{"up", "up", "down", "lagging"}).Draw(r, "endpoint"), Height: 2_386_891_061, LastError: "reset"})
			}
		}
		all = append(all, a)
	}
	var leases []persistence.Lease
	for c := range rapid.IntRange(0, 5).Draw(r, "chains") {
		chain := fmt.Sprintf("chain-%d", c)
		leases = append(leases, persistence.Lease{Chain: chain, Node: "worker-1.x7k2m9", Epoch: 3})
		add(chain, "chain", markets.Place{})
		add(chain+"/head", "head", markets.Place{Seq: 2_386_891_061})
		for m := range rapid.IntRange(0, 3).Draw(r, "markets") {
			market := fmt.Sprintf("%s/market%d", chain, m)
			add(market, "market", markets.Place{})
			for s := range rapid.IntRange(0, 4).Draw(r, "streams") {
				stream := fmt.Sprintf("%s/collection-offer-%d", market, s)
				add(stream, "worker", markets.Place{})
				add(stream+"/subject", "subject", markets.Place{Seq: 5, Through: 2_386_000_000})
				add(stream+"/activity", "observer", markets.Place{Seq: 5, Through: 2_386_000_000})
			}
		}
	}
	var nodes []persistence.Node
	for n := range rapid.IntRange(0, 9).Draw(r, "nodes") {
		nodes = append(nodes, persistence.Node{ID: fmt.Sprintf("worker-%d.x7k2m9", n), State: rapid.SampledFrom([]string{persistence.Up, persistence.Up, persistence.Draining, persistence.Dead}).Draw(r, "membership"), SeenAt: now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(r, "silence")) * time.Second)})
	}
	return snapshot(nodes, leases, all, rapid.IntRange(0, 4).Draw(r, "brief") == 0)
}

// On a terminal no line exceeds the width, --watch fits the height, and failing actors are
// shown, or counted in the rows that stand for them.
func TestStatusFitsTheTerminal(t *testing.T) {
	now := time.Now()
	rapid.Check(t, func(r *rapid.T) {
		s := drawState(r, now)
		v := view{at: location{folder: "data"}, now: now, width: rapid.IntRange(39, 199).Draw(r, "width"), height: rapid.IntRange(5, 60).Draw(r, "height")}
		v.fold, v.cut, v.colours = rapid.Bool().Draw(r, "fold"), rapid.Bool().Draw(r, "watch"), rapid.Bool().Draw(r, "colours")
		v.idle = rapid.SampledFrom([]string{"", "no worker is running: the last write was 5 min ago"}).Draw(r, "idle")
		var out strings.Builder
		if err := s.print(&out, v); err != nil {
			r.Fatal(err)
		}
		text := out.String()
		if lines := strings.Count(text, "\n"); v.cut && lines > v.height {
			r.Fatalf("%d lines of %d:\n%s", lines, v.height, text)
		}
		for line := range strings.Lines(table.Uncoloured(text)) {
			line = strings.TrimSuffix(line, "\n")
			if table.Width(line) > v.width || strings.ContainsAny(line, "\x1b\r\t") {
				r.Fatalf("%q is %d wide, not %d", line, table.Width(line), v.width)
			}
		}
		if v.idle != "" && !strings.HasPrefix(table.Uncoloured(text), "no worker is running") {
			r.Fatalf("it looks alive:\n%s", text)
		}
		if v.cut || s.brief {
			return
		}
		failing, shown := 0, 0
		for _, root := range s.Chains {
			root.walk(func(b *branch) {
				if b.Actor != nil && b.Actor.Failing() {
					failing++
				}
			})
		}
		for line := range strings.Lines(table.Uncoloured(text)) {
			if strings.Contains(line, "retr") || strings.Contains(line, "fina") { // states may be shortened
				shown++
			}
		}
		if shown < failing {
			r.Fatalf("%d of %d that fail are shown:\n%s", shown, failing, text)
		}
	})
}

// A tree with one failing stream, on a terminal of 80 × 24: healthy branches take one line.
func TestFoldedStatus(t *testing.T) {
	now := time.Now()
	var all []persistence.Actor
	report := persistence.Report{Status: persistence.Following, Head: 18_270_780}
	add := func(id, kind string) *persistence.Actor {
		names := append(strings.Split(id, "/"), "", "")
		a := persistence.Actor{ID: id, Kind: kind, Chain: names[0], Node: "me", UpdatedAt: now, Report: report, Place: markets.Place{Seq: 18_270_780, Hash: "0x1"}}
		if len(strings.Split(id, "/")) > 2 {
			a.Market, a.Stream = names[1], names[2]
		}
		all = append(all, a)
		return &all[len(all)-1]
	}
	for _, chain := range []string{"bsc", "ethereum"} {
		add(chain, "chain").Report = persistence.Report{Status: persistence.Running}
		add(chain+"/head", "head")
		add(chain+"/seaport", "market").Report = persistence.Report{Status: persistence.Running}
		for _, stream := range []string{"buy", "delist", "list"} {
			add(chain+"/seaport/"+stream, "worker").Report = persistence.Report{Status: persistence.Running}
			add(chain+"/seaport/"+stream+"/subject", "subject")
			add(chain+"/seaport/"+stream+"/activity", "observer").Events = 40
			add(chain+"/seaport/"+stream+"/order-"+stream, "observer").Events = 40
		}
	}
	for i := range all {
		if all[i].ID == "ethereum/seaport/list/subject" {
			all[i].Status, all[i].LastError, all[i].Lag, all[i].Seq = persistence.Retrying, "HTTP 502", 80, 18_270_700
		}
	}
	var out strings.Builder
	if err := snapshot(nil, nil, all, false).print(&out, view{at: location{folder: "data"}, now: now, width: 79, height: 23, fold: true, cut: true}); err != nil {
		t.Fatal(err)
	}
	want := `node me in data folder data
actor                        at        head  lag  events  state
├─ bsc                                                    running
│  ├─ head           18,270,780  18,270,780    0          following
│  └─ seaport        18,270,780  18,270,780    0     120  3 streams following
└─ ethereum                                               running
   ├─ head           18,270,780  18,270,780    0          following
   └─ seaport                                             running
      ├─ list                                             running
      │  ├─ subject  18,270,700  18,270,780   80          retrying
      │  │  HTTP 502
      │  └─ 2 more                                        2 actors following
      └─ 2 more      18,270,780  18,270,780    0      80  2 streams following
`
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", &out, want)
	}
}

// The lock of a folder tells whether a worker is running; for a database heartbeats do, by
// the clock of its server.
func TestIdleCluster(t *testing.T) {
	now := time.Now()
	node := func(state string, age time.Duration) persistence.Node {
		return persistence.Node{ID: "one", State: state, SeenAt: now.Add(-age)}
	}
	running := []persistence.Actor{{ID: "bsc", Kind: "chain", Chain: "bsc", UpdatedAt: now.Add(-2 * time.Minute), Report: persistence.Report{Status: persistence.Following}}}
	for _, test := range []struct {
		nodes  []persistence.Node
		actors []persistence.Actor
		want   string
	}{
		{[]persistence.Node{node(persistence.Up, time.Second)}, running, ""},
		{[]persistence.Node{node(persistence.Up, time.Hour), node(persistence.Draining, time.Second)}, running, ""},
		{[]persistence.Node{node(persistence.Up, 25*time.Second), node(persistence.Dead, time.Second)}, running, "no worker is running: the last heartbeat of a node was 25 s ago"},
		{[]persistence.Node{node(persistence.Left, time.Second)}, running, "no worker is running: the last write was 2 min ago"},
		{nil, running, "no worker seems to be running: the last write was 2 min ago"},
		{nil, nil, ""},
	} {
		if got := snapshot(test.nodes, nil, test.actors, false).idleCluster(now); got != test.want {
			t.Errorf("%v: %q, want %q", test.nodes, got, test.want)
		}
	}
}
