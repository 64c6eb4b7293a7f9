package commands

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/commands/internal/panel"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// freshFor is the age up to which a document's age is not shown. Actors without changes do
// not write.
const freshFor = 15 * time.Second

// lastErrorShown limits the display of an actor's last error, in bytes.
const lastErrorShown = 500

// unfolded is the number of levels of a healthy tree that are unfolded: the chains.
const unfolded = 1

// actorColumns are the columns of the tree.
func actorColumns() []table.Column {
	return []table.Column{
		{Name: "actor", Least: 24},
		{Name: "owner", Rank: 2, Least: 12},
		{Name: "at", Right: true},
		{Name: "head", Right: true, Rank: 3},
		{Name: "lag", Right: true},
		{Name: "events", Right: true, Rank: 1},
		{Name: "state"},
		{Name: "restarts", Right: true, Rank: 4},
		{Name: "event", Right: true, Rank: 7}, // the number of a handle's event on Aptos
		{Name: "written", Rank: 6},
		{Name: "last error", Rank: 5},
	}
}

// shown is a branch of the displayed tree.
type shown struct {
	*branch
	chain   *progress.Chain
	streams []*progress.Stream // in this branch
	stream  *progress.Stream   // of an actor below a stream
	owner   string
}

// treeView makes the rows of a tree.
type treeView struct {
	view
	notes bool // errors are shown as notes below their rows, not in a column
}

// nodes arranges the tree for display.
func (s state) nodes(owners map[string]string) []*table.Branch[shown] {
	var roots []*table.Branch[shown]
	for _, root := range s.Chains {
		roots = append(roots, nodesOf(root, root.Name, s.chain(root.Name), owners[root.Name]))
	}
	return roots
}

// chain returns the progress of a chain.
func (s state) chain(name string) *progress.Chain {
	for _, c := range s.progress {
		if c.Name == name {
			return c
		}
	}
	return &progress.Chain{Name: name}
}

func nodesOf(b *branch, path string, c *progress.Chain, owner string) *table.Branch[shown] {
	out := &table.Branch[shown]{Of: shown{branch: b, chain: c, owner: owner}}
	for s := range c.Streams() {
		switch id := s.ID(); {
		case id == path || strings.HasPrefix(id, path+"/"):
			out.Of.streams = append(out.Of.streams, s)
		case strings.HasPrefix(path, id+"/"):
			out.Of.stream = s
		}
	}
	if b.Actor != nil {
		out.Bad = b.Actor.Failing() || b.Actor.Status == persistence.Paused
	}
	for _, child := range b.Children {
		out.Below = append(out.Below, nodesOf(child, path+"/"+child.Name, c, ""))
	}
	return out
}

// form says how the tree is folded.
func (t treeView) form() table.Form[shown] {
	return table.Form[shown]{Own: t.own, Folded: t.folded, Rest: t.rest, Unfold: unfolded, Glyphs: true}
}

// own is the row of an actor.
func (t treeView) own(b *table.Branch[shown]) table.Row {
	n, a := b.Of, b.Of.Actor
	cells := make([]table.Cell, len(actorColumns()))
	cells[0].Text, cells[1].Text = n.Name, n.owner
	if a == nil {
		return table.Row{Cells: cells}
	}
	if slices.Contains([]string{"head", "subject", "observer"}, a.Kind) {
		cells[2].Text = placeOf(n.chain, *a)
	} else if a.Kind == "chain" && len(b.Below) == 0 && len(n.streams) > 0 { // status --brief
		cells[2].Text = panel.At(n.chain.Slowest())
	}
	if a.Head > 0 {
		cells[3].Text, cells[4].Text = human.Grouped(a.Head), human.Grouped(a.Lag)
		if cells[2].Text == atStart {
			cells[4].Text = ""
		}
	}
	if a.Kind == "observer" || a.Events > 0 {
		cells[5].Text = human.Grouped(a.Events)
	}
	cells[6] = t.state(a.Status, n.stream != nil && n.stream.AboveHead())
	cells[7].Text = human.Grouped(a.Restarts)
	if t.notes && a.Restarts == 0 {
		cells[7].Text = ""
	}
	if a.Through > 0 && a.Through != a.Seq {
		cells[8].Text = human.Grouped(a.Seq)
	}
	cells[9].Text = age(a.UpdatedAt, t.now)
	return t.withError(table.Row{Cells: cells}, a.LastError, b.Bad)
}

// atStart is the position of a stream of which nothing has been read.
const atStart = "start"

// placeOf returns an actor's position in the unit of its chain's head.
func placeOf(c *progress.Chain, a persistence.Actor) string {
	if height, known := c.Height(a); known {
		return human.Grouped(height)
	}
	if a.Kind == "head" {
		return ""
	}
	return atStart
}

// withError adds an error to a row: in the last column or, if errors are notes, as a note,
// but only if the error is current.
func (t treeView) withError(row table.Row, text string, current bool) table.Row {
	text = printable.Line(text, lastErrorShown)
	if !t.notes {
		row.Cells[10].Text = text
	} else if current {
		row.Note = table.Cell{Text: text, Ink: table.Bad}
	}
	return row
}

// state is the cell with an actor's state: "was …" if no worker is running.
func (t treeView) state(text string, above bool) table.Cell {
	cell := panel.State(text)
	switch {
	case text == "":
		return table.Cell{}
	case t.idle != "" && text != persistence.Stopped && text != persistence.Paused:
		cell.Text = "was " + cell.Text
		if cell.Ink == table.Good {
			cell.Ink = table.Dim
		}
	case above:
		cell = table.Cell{Text: panel.AboveHead, Ink: table.Note}
	}
	return cell
}

// folded is the row of a folded branch, at the position of its slowest stream.
func (t treeView) folded(b *table.Branch[shown]) table.Row {
	row := t.sum([]*table.Branch[shown]{b})
	row.Cells[0].Text, row.Cells[1].Text = b.Of.Name, b.Of.owner
	return t.withError(row, firstError(b), b.Troubled() > 0)
}

// rest is the row of several sibling branches.
func (t treeView) rest(branches []*table.Branch[shown]) table.Row {
	row := t.sum(branches)
	row.Cells[0].Text = fmt.Sprintf("%d more", len(branches))
	return row
}

// sum is a row that summarises branches: their streams, lag, events and states.
func (t treeView) sum(branches []*table.Branch[shown]) table.Row {
	cells := make([]table.Cell, len(actorColumns()))
	var streams []*progress.Stream
	troubled := 0
	for _, b := range branches {
		streams, troubled = append(streams, b.Of.streams...), troubled+b.Troubled()
	}
	var slowest *progress.Stream
	lag, events, head := int64(0), int64(0), int64(0)
	for _, s := range streams {
		if slowest == nil || s.Lag > slowest.Lag {
			slowest = s
		}
		lag, events, head = max(lag, s.Lag), events+s.Events, max(head, s.Head)
	}
	if slowest != nil {
		cells[2].Text = panel.At(slowest)
	}
	if head > 0 {
		cells[3].Text, cells[4].Text = human.Grouped(head), human.Grouped(lag)
	}
	if len(streams) > 0 {
		cells[5].Text = human.Grouped(events)
	}
	cells[6] = t.states(branches, streams, troubled)
	return table.Row{Cells: cells}
}

// states is the cell with the number of streams, or else of actors, in each state. If
// actors need attention, it counts only those.
func (t treeView) states(branches []*table.Branch[shown], streams []*progress.Stream, troubled int) table.Cell {
	if troubled > 0 {
		return table.Cell{Text: human.Some(int64(troubled), "actor") + " retrying or paused", Ink: table.Bad}
	}
	noun, n := "stream", len(streams)
	counts := map[string]int{}
	for _, s := range streams {
		counts[panel.StateOf(s).Text]++
	}
	if n == 0 {
		noun, n = "actor", len(branches)
		for _, b := range branches {
			if b.Of.Actor != nil {
				counts[b.Of.Actor.Status]++
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	was := ""
	if t.idle != "" && !(len(names) == 1 && slices.Contains([]string{persistence.Stopped, persistence.Paused, panel.AboveHead}, names[0])) {
		was = "was "
	}
	if len(names) == 1 {
		cell := panel.State(names[0])
		if cell.Ink == table.Good && was != "" {
			cell.Ink = table.Dim
		}
		if was != "" && n > 1 {
			was = "were "
		}
		return table.Cell{Text: human.Some(int64(n), noun) + " " + was + cell.Text, Ink: cell.Ink}
	}
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%d %s%s", counts[name], was, name)
	}
	return table.Cell{Text: strings.Join(parts, ", ")}
}

func firstError(b *table.Branch[shown]) string {
	if b.Bad {
		return b.Of.Actor.LastError
	}
	for _, c := range b.Below {
		if text := firstError(c); text != "" {
			return text
		}
	}
	return ""
}

// age returns a document's age; empty if it is fresh.
func age(written, now time.Time) string {
	if age := now.Sub(written); age > freshFor {
		return human.Ago(age)
	}
	return ""
}
