// Package table formats tables and trees that fit a terminal.
//
// It guarantees:
//   - no line is wider than the requested width: the least important columns are left out
//     first, then texts are shortened;
//   - a folded tree has no more lines than the requested height, and a branch that needs
//     attention is never hidden: it has its own line or, if there is no room, is counted in
//     the line of the branch that it is folded into.
package table

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/imart/event-worker/internal/printable"
)

// Column is a column of a table.
type Column struct {
	Name  string
	Right bool // aligned to the right
	// Rank orders the columns by importance: if the table is too wide, the columns of the
	// highest rank are left out first. Columns of rank 0 are shortened instead.
	Rank int
	// Least, if set, is the width to which the column is shortened, in the middle of its
	// texts, before columns of rank essential or less are left out.
	Least int
}

// essential is the highest rank of the columns for which others are shortened.
const essential = 3

// Cell is a text. What is not printable in it is escaped.
type Cell struct {
	Text string
	Ink  Ink
}

// Row is a row of a table, with an optional note on a line below it.
type Row struct {
	Cells []Cell
	Note  Cell
	// Indent precedes the note.
	Indent string
}

// Lines returns the number of lines that the row takes.
func (r Row) Lines() int {
	if r.Note.Text != "" {
		return 2
	}
	return 1
}

// Table is a table. Columns without text are left out.
type Table struct {
	Columns []Column
	Rows    []Row
	Colours bool
}

const (
	gap      = "  "
	ellipsis = "…"
	// leastShown is the least width to which columns are shortened before lines are cut.
	leastShown = 4
)

// Lines returns the table's lines, beginning with the names of its columns. A width of 0 is
// unlimited.
func (t Table) Lines(width int) []string {
	t.Rows = printableRows(t.Rows)
	shown := t.fit(width)
	lines := []string{t.line(Row{Cells: t.names()}, shown, width)}
	for _, row := range t.Rows {
		lines = append(lines, t.line(row, shown, width))
		if row.Note.Text != "" {
			lines = append(lines, clip(row.Indent, width)+t.paint(Cell{Shorten(row.Note.Text, left(width, Width(row.Indent))), row.Note.Ink}))
		}
	}
	return lines
}

// printableRows are the rows without what could control a terminal.
func printableRows(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		out[i].Cells = slices.Clone(out[i].Cells)
		for j := range out[i].Cells {
			out[i].Cells[j].Text = printable.Text(out[i].Cells[j].Text)
		}
		out[i].Note.Text = printable.Text(out[i].Note.Text)
	}
	return out
}

func (t Table) names() []Cell {
	names := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = Cell{c.Name, Dim}
	}
	return names
}

// column is a visible column: its index and width.
type column struct{ at, width int }

// fit chooses the visible columns and their widths.
func (t Table) fit(width int) []column {
	var shown []column
	for i, c := range t.Columns {
		widest, empty := Width(c.Name), true
		for _, row := range t.Rows {
			widest, empty = max(widest, Width(row.text(i))), empty && row.text(i) == ""
		}
		if !empty || i == 0 {
			shown = append(shown, column{i, widest})
		}
	}
	if width <= 0 {
		return shown
	}
	shown = t.leaveOut(shown, width, essential+1)
	natural := map[int]int{}
	for i, c := range shown {
		natural[c.at] = c.width
		if least := t.Columns[c.at].Least; least > 0 {
			shown[i].width -= min(max(0, total(shown)-width), max(0, c.width-least))
		}
	}
	shown = t.leaveOut(shown, width, 1)
	for i, c := range shown { // widen columns again if there is room left
		shown[i].width += min(max(0, width-total(shown)), natural[c.at]-c.width)
	}
	for total(shown) > width {
		i := widest(shown)
		if shown[i].width <= leastShown {
			break // the line is cut
		}
		shown[i].width--
	}
	return shown
}

// leaveOut removes columns until the others fit, but none of a rank below leastRank.
func (t Table) leaveOut(shown []column, width, leastRank int) []column {
	for total(shown) > width {
		least := slices.MaxFunc(shown, func(a, b column) int { return t.Columns[a.at].Rank - t.Columns[b.at].Rank })
		if t.Columns[least.at].Rank < leastRank {
			break
		}
		shown = slices.DeleteFunc(shown, func(c column) bool { return c.at == least.at })
	}
	return shown
}

func total(shown []column) int {
	sum := len(gap) * (len(shown) - 1)
	for _, c := range shown {
		sum += c.width
	}
	return sum
}

func widest(shown []column) (at int) {
	for i, c := range shown {
		if c.width > shown[at].width {
			at = i
		}
	}
	return at
}

func (r Row) cell(i int) Cell {
	if i < len(r.Cells) {
		return r.Cells[i]
	}
	return Cell{}
}

func (r Row) text(i int) string { return r.cell(i).Text }

// line formats a row, without trailing spaces. Colours have no width.
func (t Table) line(row Row, shown []column, width int) string {
	var b strings.Builder
	used, pending := 0, 0
	for i, c := range shown {
		if i > 0 {
			pending += len(gap)
		}
		if width > 0 { // cut a line whose columns cannot be any narrower
			c.width = max(0, min(c.width, width-used-pending))
		}
		cell := t.shortened(row.cell(c.at), c)
		padding := c.width - Width(cell.Text)
		if t.Columns[c.at].Right {
			pending, padding = pending+padding, 0
		}
		if cell.Text != "" {
			b.WriteString(strings.Repeat(" ", pending) + t.paint(cell))
			used, pending = used+pending+Width(cell.Text), 0
		}
		pending += padding
	}
	return b.String()
}

// shortened fits a cell to its column.
func (t Table) shortened(cell Cell, c column) Cell {
	if t.Columns[c.at].Least > 0 {
		cell.Text = shortenMiddle(cell.Text, c.width)
	}
	cell.Text = Shorten(cell.Text, c.width)
	return cell
}

func (t Table) paint(c Cell) string { return c.Ink.Line(c.Text, 0, t.Colours) }

// Width returns the number of columns that a text takes on a terminal.
func Width(text string) int { return runewidth.StringWidth(text) }

// Shorten truncates a text to a width, with an ellipsis. A negative width is unlimited.
func Shorten(text string, width int) string {
	if width < 0 || Width(text) <= width {
		return text
	}
	return runewidth.Truncate(text, width, clip(ellipsis, width))
}

// shortenMiddle shortens a text to a width, keeping its beginning and its end.
func shortenMiddle(text string, width int) string {
	if Width(text) <= width || width < 2*leastShown {
		return text
	}
	tail := []rune(text)
	for len(tail) > 0 && Width(string(tail)) > (width-1)/2 {
		tail = tail[1:]
	}
	return clip(text, width-1-Width(string(tail))) + ellipsis + string(tail)
}

// clip cuts a text off at a width.
func clip(text string, width int) string {
	if width <= 0 && text != "" {
		return ""
	}
	return runewidth.Truncate(text, width, "")
}

// left returns the rest of a width; -1 if it is unlimited.
func left(width, used int) int {
	if width == 0 {
		return -1
	}
	return max(0, width-used)
}
