package commands

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// silentAfter is the time without a heartbeat after which its age is shown.
const silentAfter = 3 * time.Second

// nodesShown bounds the healthy nodes that are listed when the tree is folded.
const nodesShown = 5

// view says how a status is shown.
type view struct {
	at            location
	now           time.Time
	width, height int    // 0: unlimited
	fold          bool   // healthy branches take one line
	cut           bool   // print at most height lines
	colours       bool   // use colours
	idle          string // says that no worker is running; empty if one is
}

func (s state) print(w io.Writer, v view) error {
	lines := s.lines(v)
	if v.cut && len(lines) > v.height {
		more := fmt.Sprintf("… %d more lines: enlarge the window, or choose with --chain or --brief", len(lines)-v.height+1)
		lines = append(lines[:max(0, v.height-1)], v.paint(table.Note, more))
	}
	_, err := io.WriteString(w, strings.Join(append(lines, ""), "\n"))
	return err
}

// lines returns the nodes, the tree, the notices and the endpoints. The tree takes the
// lines that the others leave.
func (s state) lines(v view) []string {
	top := s.top(v)
	notices := v.wrapped(s.notices(v.now))
	endpoints := s.endpointLines(v, false)
	if v.fold && v.height > 0 {
		if tree := s.treeLines(v, 0); len(top)+len(tree)+len(notices)+len(endpoints) > v.height {
			endpoints = s.endpointLines(v, true)
		}
	}
	room := 0
	if v.height > 0 {
		room = max(2, v.height-len(top)-len(notices)-len(endpoints))
	}
	return slices.Concat(top, s.treeLines(v, room), notices, endpoints)
}

// top returns the lines above the tree: the running nodes.
func (s state) top(v view) (lines []string) {
	if v.idle != "" {
		lines = append(lines, v.wrapped(v.idle)...)
		for i := range lines {
			lines[i] = v.paint(table.Bad, lines[i])
		}
	}
	if len(s.Nodes) == 0 {
		return append(lines, v.wrapped(fmt.Sprintf("%s in %s", nodes(s.Chains), v.at))...)
	}
	return append(lines, s.nodeLines(v)...)
}

func (s state) nodeLines(v view) []string {
	living := s.living()
	lines := v.wrapped(fmt.Sprintf("%s in %s", human.Some(int64(len(living)), "node"), v.at))
	owned := map[string]int64{}
	for _, l := range s.Leases {
		owned[l.Node]++
	}
	rows := table.Table{Colours: v.colours, Columns: []table.Column{
		{Name: "node", Least: 16}, {Name: "state"}, {Name: "chains", Right: true, Rank: 1}, {Name: "version", Rank: 5}, {Name: "joined", Rank: 4}, {Name: "heartbeat", Rank: 2},
	}}
	healthy := int64(0)
	for _, n := range living {
		heartbeat := table.Cell{}
		if age := v.now.Sub(n.SeenAt); age > silentAfter {
			heartbeat = table.Cell{Text: human.Ago(age), Ink: table.Bad}
		}
		if v.fold && len(living) > nodesShown && n.State == persistence.Up && heartbeat.Text == "" {
			healthy++
			continue
		}
		rows.Rows = append(rows.Rows, table.Row{Cells: []table.Cell{
			{Text: n.ID}, nodeState(n.State, heartbeat.Text), {Text: human.Grouped(owned[n.ID])}, {Text: n.Version}, {Text: human.Ago(v.now.Sub(n.JoinedAt))}, heartbeat,
		}})
	}
	if len(rows.Rows) > 0 {
		lines = append(lines, rows.Lines(v.width)...)
	}
	if healthy > 0 {
		lines = append(lines, v.paint(table.Good, fmt.Sprintf("%s up, with %s between them", human.Some(healthy, "node"), human.Some(int64(len(s.Leases)), "chain"))))
	}
	ended := map[string]int{}
	for _, n := range s.Nodes {
		ended[n.State]++
	}
	if ended[persistence.Left]+ended[persistence.Dead] > 0 {
		lines = append(lines, v.paint(table.Plain, fmt.Sprintf("within the last hour %d left and %d died", ended[persistence.Left], ended[persistence.Dead])))
	}
	return append(lines, "")
}

func nodeState(state, heartbeat string) table.Cell {
	switch {
	case heartbeat != "":
		return table.Cell{Text: state, Ink: table.Dim}
	case state == persistence.Up:
		return table.Cell{Text: state, Ink: table.Good}
	}
	return table.Cell{Text: state, Ink: table.Note}
}

func (s state) living() []persistence.Node {
	return slices.DeleteFunc(slices.Clone(s.Nodes), func(n persistence.Node) bool { return !n.Living() })
}

// owners returns the owner and epoch to show for each chain; nil if there is no cluster.
func (s state) owners(now time.Time) map[string]string {
	if len(s.Nodes) == 0 {
		return nil
	}
	owners := map[string]string{}
	for _, l := range s.Leases {
		living := slices.ContainsFunc(s.living(), func(n persistence.Node) bool { return n.ID == l.Node && now.Sub(n.SeenAt) < lostAfter })
		switch {
		case l.Node == "":
			owners[l.Chain] = "none"
		case living:
			owners[l.Chain] = fmt.Sprintf("%s, epoch %d", l.Node, l.Epoch)
		default:
			owners[l.Chain] = fmt.Sprintf("%s (gone)", l.Node)
		}
	}
	return owners
}

// nodes names the processes that the actors belong to.
func nodes(roots []*branch) string {
	names := map[string]bool{}
	for _, root := range roots {
		root.walk(func(b *branch) {
			if b.Actor != nil {
				names[b.Actor.Node] = true
			}
		})
	}
	if len(names) == 0 {
		return "no actors yet"
	}
	return "node " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// treeLines returns the lines of the tree. A folded tree takes at most height lines, 0
// being unlimited; unless the view is cut, branches that need attention may take more.
func (s state) treeLines(v view, height int) []string {
	t := treeView{view: v, notes: v.width > 0}
	form, roots := t.form(), s.nodes(s.owners(v.now))
	rows := table.Table{Columns: actorColumns(), Colours: v.colours}
	switch {
	case !v.fold:
		rows.Rows = form.Whole(roots)
	case v.cut:
		rows.Rows = form.Fold(roots, max(1, height-1))
	default:
		least := form
		least.Unfold = 0
		rows.Rows = form.Fold(roots, max(1, height-1, linesOf(least.Fold(roots, 0))))
	}
	return rows.Lines(v.width)
}

func linesOf(rows []table.Row) (n int) {
	for _, r := range rows {
		n += r.Lines()
	}
	return n
}

// notices are the messages about changed definitions and about audits.
func (s state) notices(now time.Time) (text string) {
	if len(s.Changed) > 0 {
		text = "\ndefinitions have changed since documents were written (event-worker redecode --changed rewrites them): " + strings.Join(s.Changed, ", ")
	}
	return text + auditLines(s.Audits, now)
}

// wrapped wraps the lines of a text to the width.
func (v view) wrapped(text string) []string {
	if text == "" {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, table.Wrap(printable.Text(line), v.width)...)
	}
	return lines
}

func (v view) paint(ink table.Ink, text string) string { return ink.Line(text, v.width, v.colours) }
