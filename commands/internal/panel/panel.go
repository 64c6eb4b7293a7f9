// Package panel shows the progress of streams on a terminal: a line for each stream or, if
// those do not fit, for each chain. The commands demo and run use it.
package panel

import (
	"fmt"
	"strconv"
	"time"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// reasonShown limits the display of an error, in bytes.
const reasonShown = 200

// columns are the columns of the panel.
var columns = []table.Column{
	{Name: "stream", Least: 26},
	{Name: "at", Right: true},
	{Name: "lag", Right: true, Rank: 4},
	{Name: "%", Right: true, Rank: 1},
	{Name: "events", Right: true, Rank: 6},
	{Name: "events/s", Right: true, Rank: 2},
	{Name: "ETA", Right: true, Rank: 3},
	{Name: "state"},
}

// item is a line of the panel: a chain's or a stream's.
type item struct {
	chain  *progress.Chain
	stream *progress.Stream // nil in a chain's line
}

// Lines returns the panel's lines about chains: at most height of them, none wider than
// width. A width or height of 0 is unlimited.
func Lines(tree progress.Tree, width, height int, colours bool) []string {
	form := table.Form[item]{Own: own, Folded: folded, Rest: rest, Unfold: -1}
	rows := form.Fold(branches(tree), max(0, height-1))
	return table.Table{Columns: columns, Rows: rows, Colours: colours}.Lines(width)
}

func branches(tree progress.Tree) []*table.Branch[item] {
	var roots []*table.Branch[item]
	for _, c := range tree {
		root := &table.Branch[item]{Of: item{chain: c}}
		for s := range c.Streams() {
			root.Below = append(root.Below, &table.Branch[item]{Of: item{c, s}, Bad: s.Failing != ""})
		}
		for _, a := range c.Actors {
			root.Bad = root.Bad || a.Failing()
		}
		roots = append(roots, root)
	}
	return roots
}

// own is the line of a stream, or of a chain above its streams.
func own(b *table.Branch[item]) table.Row {
	if s := b.Of.stream; s != nil {
		return streamRow(s)
	}
	c := b.Of.chain
	row := table.Row{Cells: []table.Cell{{Text: c.Name + " head", Ink: table.Bold}, {Text: head(c)}, {}, {}, {}, {}, {}, chainState(c)}}
	for _, a := range c.Actors {
		if a.Failing() {
			row.Note = note(a.LastError)
		}
	}
	return row
}

// chainState is the state of a chain without its streams, and its rate of requests.
func chainState(c *progress.Chain) table.Cell {
	cell := table.Cell{Text: requests(c, ""), Ink: table.Dim}
	if c.Head == nil || c.Head.Head == 0 {
		cell = table.Cell{Text: waiting, Ink: table.Note}
	}
	for _, a := range c.Actors {
		if a.Failing() {
			cell = table.Cell{Text: a.Status + requests(c, ", "), Ink: table.Bad}
		}
	}
	return cell
}

// waiting is the state of a chain whose head is unknown.
const waiting = "waiting for its endpoints"

// requests is the rate of requests to a chain's endpoints, after a prefix; empty if it is
// unknown or zero.
func requests(c *progress.Chain, prefix string) string {
	if c.RequestsPerSecond <= 0 {
		return ""
	}
	return prefix + rate(c.RequestsPerSecond) + " requests/s"
}

func head(c *progress.Chain) string {
	if c.Head == nil || c.Head.Head == 0 {
		return ""
	}
	return human.Grouped(c.Head.Head)
}

func streamRow(s *progress.Stream) table.Row {
	row := table.Row{Cells: []table.Cell{
		{Text: s.Market + "/" + s.Name}, {Text: At(s)}, {Text: Lag(s)}, {Text: percent(s)}, {Text: human.Grouped(s.Events)},
		{Text: rate(s.EventsPerSecond)}, {Text: eta(s)}, StateOf(s),
	}}
	if s.Failing != "" {
		row.Note = note(s.Reason)
	}
	return row
}

func note(reason string) table.Cell {
	return table.Cell{Text: printable.Line(reason, reasonShown), Ink: table.Bad}
}

// folded is the line that stands for a chain and its streams, at the position of the
// slowest.
func folded(b *table.Branch[item]) table.Row {
	c := b.Of.chain
	events, perSecond, streams := int64(0), 0.0, int64(0)
	for s := range c.Streams() {
		events, perSecond, streams = events+s.Events, perSecond+s.EventsPerSecond, streams+1
	}
	slowest := c.Slowest()
	row := table.Row{Cells: []table.Cell{
		{Text: c.Name + ", " + human.Some(streams, "stream"), Ink: table.Bold}, {Text: At(slowest)}, {Text: Lag(slowest)},
		{Text: percent(slowest)}, {Text: human.Grouped(events)}, {Text: rate(perSecond)}, {Text: chainETA(c)}, summary(c),
	}}
	if c.Failing != "" {
		row.Note = note(c.Reason)
	}
	return row
}

// rest is the line of several chains, or of several streams of a chain.
func rest(branches []*table.Branch[item]) table.Row {
	behind, troubled, events, perSecond := 0, 0, int64(0), 0.0
	what := "chain"
	for _, b := range branches {
		troubled += min(1, b.Troubled())
		for s := range b.Of.streams() {
			events, perSecond = events+s.Events, perSecond+s.EventsPerSecond
			if s.Behind() {
				behind++
			}
		}
		if b.Of.stream != nil {
			what = "stream"
		}
	}
	state := State(persistence.Following)
	switch {
	case troubled > 0:
		state = table.Cell{Text: fmt.Sprintf("%d failing", troubled), Ink: table.Bad}
	case behind > 0:
		state = table.Cell{Text: fmt.Sprintf("%d backfilling", behind)}
	}
	return table.Row{Cells: []table.Cell{
		{Text: human.Some(int64(len(branches)), "more "+what)}, {}, {}, {}, {Text: human.Grouped(events)}, {Text: rate(perSecond)}, {}, state,
	}}
}

func (i item) streams() func(func(*progress.Stream) bool) {
	if i.stream == nil {
		return i.chain.Streams()
	}
	return func(yield func(*progress.Stream) bool) { yield(i.stream) }
}

// summary is a chain's worst state, and the number of its streams in that state.
func summary(c *progress.Chain) table.Cell {
	failing, behind := 0, c.Behind()
	for s := range c.Streams() {
		if s.Failing != "" {
			failing++
		}
	}
	switch {
	case failing > 0:
		return table.Cell{Text: fmt.Sprintf("%d %s", failing, c.Failing), Ink: table.Bad}
	case c.Failing != "":
		return table.Cell{Text: c.Failing, Ink: table.Bad}
	case behind > 0:
		return table.Cell{Text: fmt.Sprintf("%d backfilling%s", behind, requests(c, ", "))}
	case c.Head == nil || c.Head.Head == 0:
		return table.Cell{Text: waiting, Ink: table.Note}
	}
	cell := StateOf(c.Slowest())
	cell.Text += requests(c, ", ")
	return cell
}

// At formats a stream's height in the unit of its chain's head: "start" if nothing has been
// read, and empty for nil.
func At(s *progress.Stream) string {
	if s == nil {
		return ""
	}
	if height, known := s.Height(); known {
		return human.Grouped(height)
	}
	return "start"
}

// Lag formats a stream's distance to its chain's head; empty if it is unknown.
func Lag(s *progress.Stream) string {
	if s == nil || s.Head == 0 {
		return ""
	}
	if _, known := s.Height(); !known {
		return ""
	}
	return human.Grouped(s.Lag)
}

func percent(s *progress.Stream) string {
	switch {
	case s == nil || s.Head == 0 || s.AboveHead():
		return ""
	case s.Behind():
		return strconv.FormatFloat(float64(int(s.Percent()*10))/10, 'f', 1, 64) // rounded down: 100 is the head
	}
	return "100"
}

func rate(perSecond float64) string {
	switch {
	case perSecond <= 0:
		return "0"
	case perSecond < 10:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return human.Grouped(int64(perSecond + 0.5))
}

func eta(s *progress.Stream) string {
	left, known := s.ETA()
	if !known || !s.Behind() {
		return ""
	}
	return Short(left)
}

func chainETA(c *progress.Chain) string {
	left, known := c.ETA()
	if !known || c.Behind() == 0 {
		return ""
	}
	return Short(left)
}

// Short formats a duration in its two largest units.
func Short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// StateOf is the state of a stream.
func StateOf(s *progress.Stream) table.Cell {
	switch {
	case s == nil:
		return table.Cell{}
	case s.AboveHead():
		return table.Cell{Text: AboveHead, Ink: table.Note}
	}
	return State(s.State)
}

// AboveHead is the state of a stream that starts above its chain's head.
const AboveHead = "above the head"

// State is the cell for a state of an actor.
func State(text string) table.Cell {
	ink := table.Plain
	switch text {
	case persistence.Following:
		ink = table.Good
	case persistence.Retrying, persistence.FinalityBroken:
		ink = table.Bad
	case persistence.Paused, persistence.Stopped:
		ink = table.Note
	case "":
		return table.Cell{Text: "starting", Ink: table.Dim}
	}
	return table.Cell{Text: text, Ink: ink}
}
