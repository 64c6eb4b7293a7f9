package commands

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// Limits of the texts in an endpoint's row, in bytes.
const (
	hostShown  = 60
	errorShown = 80
)

// endpointColumns are the columns of the table of endpoints.
func endpointColumns() []table.Column {
	return []table.Column{
		{Name: "chain", Least: 8}, {Name: "endpoint", Least: 16}, {Name: "state"},
		{Name: "height", Right: true, Rank: 3}, {Name: "behind", Right: true, Rank: 2}, {Name: "requests/s", Right: true, Rank: 5},
		{Name: "latency", Right: true, Rank: 4}, {Name: "requests", Right: true, Rank: 6}, {Name: "errors", Rank: 1},
		{Name: "written", Rank: 8}, {Name: "last error", Rank: 7},
	}
}

// endpointLines returns the table of the chains' endpoints, or no lines if it has no rows.
// In brief it lists only the endpoints that are not up; folded, it also counts those that
// are.
func (s state) endpointLines(v view, folded bool) []string {
	rows := table.Table{Columns: endpointColumns(), Colours: v.colours}
	up := int64(0)
	for _, chain := range s.Chains {
		head := endpointReporter(chain)
		best := int64(0)
		for _, e := range head.Endpoints {
			best = max(best, e.Height)
		}
		for _, e := range head.Endpoints {
			if e.State == persistence.EndpointUp && (s.brief || folded) {
				up++
				continue
			}
			rows.Rows = append(rows.Rows, endpointRow(chain.Name, e, best, age(head.UpdatedAt, v.now), v.width > 0))
		}
	}
	var lines []string
	if len(rows.Rows) > 0 {
		lines = append([]string{""}, rows.Lines(v.width)...)
	}
	if folded && !s.brief && up > 0 {
		lines = append(lines, v.paint(table.Good, human.Some(up, "endpoint")+" up"))
	}
	return lines
}

// endpointReporter returns the actor of a chain whose document lists its endpoints.
func endpointReporter(chain *branch) (a persistence.Actor) {
	chain.walk(func(b *branch) {
		if b.Actor != nil && len(b.Actor.Endpoints) > 0 {
			a = *b.Actor
		}
	})
	return a
}

// endpointRow is the row of an endpoint. With notes, the error is a note below the row, and
// only if the endpoint is not up.
func endpointRow(chain string, e persistence.Endpoint, best int64, written string, notes bool) table.Row {
	height, behind, rate, latency := "", "", "", ""
	if e.Height > 0 {
		height, behind = human.Grouped(e.Height), human.Grouped(best-e.Height)
	}
	if e.Rate > 0 {
		rate = strconv.FormatFloat(e.Rate, 'f', -1, 64)
	}
	if e.LatencyMS > 0 {
		latency = strconv.FormatFloat(e.LatencyMS, 'f', -1, 64) + " ms"
	}
	state := table.Cell{Text: printable.Line(e.State, hostShown), Ink: table.Bad}
	if e.State == persistence.EndpointUp {
		state.Ink = table.Good
	}
	row := table.Row{Cells: []table.Cell{
		{Text: chain}, {Text: printable.Line(e.Host, hostShown)}, state, {Text: height}, {Text: behind}, {Text: rate}, {Text: latency},
		{Text: human.Grouped(e.Requests)}, {Text: errorCounts(e.Errors)}, {Text: written}, {Text: printable.Line(e.LastError, errorShown)},
	}}
	if notes {
		last := row.Cells[len(row.Cells)-1].Text
		row.Cells = row.Cells[:len(row.Cells)-1]
		if e.State != persistence.EndpointUp {
			row.Note, row.Indent = table.Cell{Text: last, Ink: table.Bad}, "  "
		}
	}
	return row
}

// errorCounts returns the number of errors, with the most frequent class.
func errorCounts(errors map[string]int64) string {
	if len(errors) == 0 {
		return ""
	}
	sum := int64(0)
	for _, n := range errors {
		sum += n
	}
	worst := slices.MaxFunc(slices.Sorted(maps.Keys(errors)), func(a, b string) int { return cmp.Compare(errors[a], errors[b]) })
	name := printable.Line(worst, hostShown)
	if errors[worst] == sum {
		return human.Grouped(sum) + " " + name
	}
	return fmt.Sprintf("%s, %s of them %s", human.Grouped(sum), human.Grouped(errors[worst]), name)
}
