// Package table prints tables and trees that fit a terminal.
//
// It guarantees:
//   - no line is wider than the width that is asked for: columns that matter least are left
//     out first, and then texts are shortened;
//   - a folded tree has no more lines than the height that is asked for, and what needs
//     attention is never folded away silently: it has a line of its own or, if there is no
//     room for that, is counted in the line of what it belongs to.
package table

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Column is a column of a table.
type Column struct {
	Name  string
	Right bool // aligned to the right
	// Rank says how little the column matters: where there is no room, those of the highest
	// rank are left out first. Columns of rank 0 are shortened instead.
	Rank int
	// Least, if set, is the width to which the column is shortened, in the middle of its
	// texts, before columns of rank essential or less are left out.
	Least int
}

// essential is the greatest rank of columns for which texts are shortened.
const essential = 3

// Cell is a printable text without line breaks.
type Cell struct {
	Text string
	Ink  Ink
}

// Row is a row of a table, with a note in a line of its own below it, if there is one.
type Row struct {
	Cells []Cell
	Note  Cell
	// Indent stands before the note.
	Indent string
}

// Lines are the lines that the row takes.
func (r Row) Lines() int {
	if r.Note.Text != "" {
		return 2
	}
	return 1
}

// Table is a table. Columns without any text are left out.
type Table struct {
	Columns []Column
	Rows    []Row
	Colours bool
}

const (
	gap      = "  "
	ellipsis = "…"
	// leastShown is the width to which the cells of a column are shortened at most, as long as
	// there is another way.
	leastShown = 4
)

// Lines are the table's lines, the names of its columns first; at width 0 as wide as they
// are.
func (t Table) Lines(width int) []string {
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

func (t Table) names() []Cell {
	names := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = Cell{c.Name, Dim}
	}
	return names
}

// column is a column that is shown.
type column struct{ at, width int }

// fit returns the columns that are shown, and how wide each is.
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
	for i, c := range shown { // what was left out may have been wider than necessary
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

// leaveOut leaves columns out until the others fit, but none of a rank below the least one.
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

// line is a row's line: colours have no width, and nothing follows its last text.
func (t Table) line(row Row, shown []column, width int) string {
	var b strings.Builder
	used, pending := 0, 0
	for i, c := range shown {
		if i > 0 {
			pending += len(gap)
		}
		if width > 0 { // columns that cannot get any narrower
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

// shortened is a cell that fits its column.
func (t Table) shortened(cell Cell, c column) Cell {
	if t.Columns[c.at].Least > 0 {
		cell.Text = shortenMiddle(cell.Text, c.width)
	}
	cell.Text = Shorten(cell.Text, c.width)
	return cell
}

func (t Table) paint(c Cell) string {
	if !t.Colours {
		return c.Text
	}
	return c.Ink.Paint(c.Text)
}

// Width is the number of columns that a text takes on a terminal.
func Width(text string) int { return runewidth.StringWidth(text) }

// Shorten returns a text of at most a width, with an ellipsis for what is left out. It
// leaves a text alone at a width below 0.
func Shorten(text string, width int) string {
	if width < 0 || Width(text) <= width {
		return text
	}
	return runewidth.Truncate(text, width, clip(ellipsis, width))
}

// shortenMiddle returns a text of at most a width, with its beginning and its end.
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

// clip cuts a text off at a width; at width 0 it has none.
func clip(text string, width int) string {
	if width <= 0 && text != "" {
		return ""
	}
	return runewidth.Truncate(text, width, "")
}

// left is what is left of a width; -1 if that has no limit.
func left(width, used int) int {
	if width == 0 {
		return -1
	}
	return max(0, width-used)
}
