package page

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// overview is the content of the overview.
type overview struct {
	At, Since time.Time
	Ready     bool        // whether the documents have been read at least once
	Asked     string      // the requested name of a chain, or a part of it
	All       int         // the number of all chains
	Chains    []chainCard // shown in full
	Rows      []chainCard // shown as rows of a table, if there are too many
	Nodes     []nodeRow
	Troubles  []trouble
	More      int // troubles that are not shown
	Streams   int
	Events    int64
	Rate      float64
}

// chainCard is a chain in the overview.
type chainCard struct {
	Name, State, Reason string
	Owner               string
	Epoch               int64
	Head, Lag           int64
	Rate                float64
	ETA                 string // in a backfill
	Events              int64
	DeadLetters         int64
	Streams             int
	Up                  int
	Endpoints           []endpointRow
	Tree                []branch
	UpdatedAt           time.Time
	Audit               *persistence.Audit
}

// nodeRow is a process of the cluster.
type nodeRow struct {
	persistence.Node
	Owns []string
	Many bool // show the number of chains instead of their names
}

// wholeChains is the largest number of chains that are all shown in full.
const wholeChains = 6

// ownsShown is the largest number of a node's chains that are named.
const ownsShown = 12

// troublesShown is the largest number of listed troubles.
const troublesShown = 12

func (p *Page) overview(r *http.Request) (view, error) {
	s := p.watch.now()
	o := overview{At: s.at, Since: s.since, Ready: !s.at.IsZero(), Troubles: troubles(s), Asked: strings.TrimSpace(r.URL.Query().Get("chain")), All: len(s.tree)}
	if len(o.Troubles) > troublesShown {
		o.Troubles, o.More = o.Troubles[:troublesShown], len(o.Troubles)-troublesShown
	}
	for c := range s.tree.Streams() {
		o.Streams, o.Events, o.Rate = o.Streams+1, o.Events+c.Events, o.Rate+c.EventsPerSecond
	}
	matching := matchingName(s.tree, o.Asked)
	for _, c := range matching {
		card := newCard(s, c)
		if len(matching) > wholeChains {
			o.Rows = append(o.Rows, card)
			continue
		}
		card.Tree = treeOf(s, c)
		o.Chains = append(o.Chains, card)
	}
	slices.SortStableFunc(o.Rows, func(a, b chainCard) int { return cmp.Compare(rank(a.State), rank(b.State)) })
	owns := map[string][]string{}
	for _, l := range s.leases {
		owns[l.Node] = append(owns[l.Node], l.Chain)
	}
	for _, n := range s.nodes {
		o.Nodes = append(o.Nodes, nodeRow{n, owns[n.ID], len(owns[n.ID]) > ownsShown})
	}
	slices.SortStableFunc(o.Nodes, func(a, b nodeRow) int { // ended nodes last
		return cmp.Compare(ended(a.Node), ended(b.Node))
	})
	return view{Section: "overview", Title: "Overview", Body: o, Live: true}, nil
}

// matchingName returns the chain with a name, or else all chains whose names contain it.
func matchingName(all progress.Tree, name string) (out progress.Tree) {
	for _, c := range all {
		switch {
		case c.Name == name:
			return progress.Tree{c}
		case strings.Contains(strings.ToLower(c.Name), strings.ToLower(name)):
			out = append(out, c)
		}
	}
	return out
}

// rank orders failing chains before others.
func rank(state string) int {
	if tone(state) == "bad" {
		return 0
	}
	return 1
}

func ended(n persistence.Node) int {
	if n.Living() {
		return 0
	}
	return 1
}

func newCard(s snapshot, c *progress.Chain) chainCard {
	card := chainCard{Name: c.Name, State: stateOf(c), Reason: c.Reason, Lag: c.Lag(), Events: c.Events(), UpdatedAt: c.UpdatedAt}
	for _, l := range s.leases {
		if l.Chain == c.Name {
			card.Owner, card.Epoch = l.Node, l.Epoch
		}
	}
	for i, a := range s.audits {
		if a.Chain == c.Name {
			card.Audit = &s.audits[i]
		}
	}
	for stream := range c.Streams() {
		card.Streams++
		card.Rate += stream.EventsPerSecond
		card.DeadLetters += stream.DeadLetters
		card.Head = max(card.Head, stream.Head)
	}
	if c.Head != nil {
		card.Head = max(card.Head, c.Head.Head)
		card.Endpoints = endpointsOf(c.Head.Endpoints)
		for _, e := range card.Endpoints {
			if e.State == persistence.EndpointUp {
				card.Up++
			}
		}
	}
	if s.silent[c.Name] {
		card.State = silent
	}
	if takes, known := c.ETA(); known && card.State == persistence.Backfilling {
		card.ETA = duration(takes)
	}
	return card
}

// silent is the state of a running chain whose documents are no longer written.
const silent = "silent"

// stateOf returns the state of a chain: a failure takes precedence, then a backfill.
func stateOf(c *progress.Chain) string {
	if c.Failing != "" {
		return c.Failing
	}
	states := map[string]int{}
	all := 0
	for s := range c.Streams() {
		states[s.State]++
		all++
	}
	switch {
	case !c.Running, all > 0 && states[persistence.Stopped] == all:
		return persistence.Stopped
	case all > 0 && states[persistence.Paused] == all:
		return persistence.Paused
	case states[persistence.Backfilling] > 0:
		return persistence.Backfilling
	case states[persistence.Following] > 0:
		return persistence.Following
	}
	return persistence.Running
}

// duration formats a duration in its largest unit.
func duration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return human.Grouped(int64(d.Hours()/24)) + " days"
}

// endpointRow is an endpoint of a chain.
type endpointRow struct {
	persistence.Endpoint
	Behind int64
	Failed int64
}

func endpointsOf(endpoints []persistence.Endpoint) []endpointRow {
	best := int64(0)
	for _, e := range endpoints {
		best = max(best, e.Height)
	}
	var rows []endpointRow
	for _, e := range endpoints {
		row := endpointRow{Endpoint: e}
		if e.Height > 0 {
			row.Behind = best - e.Height
		}
		for _, n := range e.Errors {
			row.Failed += n
		}
		rows = append(rows, row)
	}
	return rows
}

// trouble is a current failure, with the failing part and the reason.
type trouble struct{ What, State, Reason string }

// troubles returns the troubles of actors, endpoints, chains without owner, audits and
// webhooks.
func troubles(s snapshot) (out []trouble) {
	for _, a := range s.actors {
		if a.Failing() {
			out = append(out, trouble{a.ID, a.Status, a.LastError})
		}
	}
	for _, c := range s.tree {
		if s.silent[c.Name] {
			out = append(out, trouble{c.Name, silent, "Nothing is written for this chain: its process has ended, or does not reach the database."})
			continue
		}
		if c.Head == nil || c.Head.Status == persistence.Stopped {
			continue
		}
		for _, e := range c.Head.Endpoints {
			if e.State != persistence.EndpointUp {
				out = append(out, trouble{c.Name + ", endpoint " + e.Host, e.State, e.LastError})
			}
		}
	}
	for _, l := range s.leases {
		if l.Node == "" {
			out = append(out, trouble{l.Chain, "no owner", "No process follows the chain since its last owner released it."})
		}
	}
	for _, a := range s.audits {
		if found := differences(a.Last); found != "" {
			out = append(out, trouble{a.Chain + ", audit", differs, "differences found: " + found + "; see event-worker verify " + a.Chain})
		}
		if a.LastError != "" {
			out = append(out, trouble{a.Chain + ", audit", stuck, a.LastError})
		}
	}
	for _, h := range s.hooks {
		if h.FailingSince != nil {
			out = append(out, trouble{"webhook " + h.Name, hookState(h), h.LastError})
		}
	}
	return out
}

// differences counts the events that differ from the chain and the documents that differ
// from the log; empty without differences.
func differences(last *persistence.AuditResult) string {
	if last == nil {
		return ""
	}
	var found []string
	if n := last.Differ(); n > 0 {
		found = append(found, human.Some(n, "event"))
	}
	if n := persistence.DocumentsOf(last.Documents).Differ(); n > 0 {
		found = append(found, human.Some(n, "document"))
	}
	return strings.Join(found, ", ")
}

// The states of an audit in trouble.
const (
	differs = "differs"
	stuck   = "stuck"
)

// history returns the last hour of a chain as JSON, for the plots.
func (p *Page) history(r *http.Request) (view, error) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // 0, the beginning, if invalid
	points, known := p.watch.points(r.URL.Query().Get("chain"), after)
	if !known {
		return view{}, problem{http.StatusNotFound, "No chain of this name has a history."}
	}
	return view{Body: points}, nil
}
