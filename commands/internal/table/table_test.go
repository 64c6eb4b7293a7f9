package table

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/printable"
)

// texts draws texts as in tables: numbers, names, wide and combining characters.
var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"", "0", "2,386,891,061", "following", "ethereum/seaport/collection-offer-accept", "漢字漢字", "é́", "👩‍👩‍👧", "\x1b[31m\u009b2J\u202e\x9b\n\t"}),
	rapid.StringMatching(`[a-z0-9 漢…]{0,60}`),
)

func drawTable(r *rapid.T) Table {
	t := Table{Colours: rapid.Bool().Draw(r, "colours")}
	columns := rapid.IntRange(1, 12).Draw(r, "columns")
	for i := range columns {
		c := Column{Name: rapid.StringMatching(`[a-z%/]{1,12}`).Draw(r, "name"), Right: rapid.Bool().Draw(r, "right")}
		if i > 0 {
			c.Rank = rapid.IntRange(0, 8).Draw(r, "rank")
		}
		if rapid.Bool().Draw(r, "short") {
			c.Least = rapid.IntRange(4, 30).Draw(r, "least")
		}
		t.Columns = append(t.Columns, c)
	}
	for range rapid.IntRange(0, 12).Draw(r, "rows") {
		row := Row{Note: Cell{texts.Draw(r, "note"), Bad}, Indent: strings.Repeat("│  ", rapid.IntRange(0, 20).Draw(r, "indent"))}
		for range rapid.IntRange(1, columns).Draw(r, "cells") {
			row.Cells = append(row.Cells, Cell{texts.Draw(r, "text"), rapid.SampledFrom([]Ink{Plain, Good, Bad, Dim}).Draw(r, "ink")})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// No line is wider than the width, each row has its lines, and a table of unlimited width
// leaves nothing out.
func TestTablesFit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tab := drawTable(r)
		width := rapid.IntRange(1, 200).Draw(r, "width")
		lines := tab.Lines(width)
		want := 1
		for _, row := range tab.Rows {
			want += row.Lines()
		}
		if len(lines) != want {
			r.Fatalf("%d lines, want %d", len(lines), want)
		}
		for _, line := range lines {
			if strings.ContainsFunc(Uncoloured(line), func(r rune) bool { return !unicode.IsPrint(r) }) || Width(Uncoloured(line)) > width {
				r.Fatalf("%q is %d wide, not %d", line, Width(Uncoloured(line)), width)
			}
			if !tab.Colours && Uncoloured(line) != line {
				r.Fatalf("%q has colours", line)
			}
		}
		whole := Uncoloured(strings.Join(tab.Lines(0), "\n"))
		for _, row := range tab.Rows {
			for _, cell := range append(slices.Clone(row.Cells), row.Note) {
				if want := printable.Text(cell.Text); !strings.Contains(whole, want) {
					r.Fatalf("no %q in\n%s", want, whole)
				}
			}
		}
	})
}

// The least important columns are left out first, and the first column never.
func TestColumnsAreLeftOutByRank(t *testing.T) {
	tab := Table{
		Columns: []Column{{Name: "name", Least: 10}, {Name: "low", Rank: 9}, {Name: "mid", Rank: 4}, {Name: "high", Rank: 1}, {Name: "state"}, {Name: "empty"}},
		Rows:    []Row{{Cells: []Cell{{Text: "collection-offer-accept"}, {Text: "llll"}, {Text: "mmmm"}, {Text: "hhhh"}, {Text: "following"}}}},
	}
	for width, want := range map[int]string{
		0:  "name                     low   mid   high  state\ncollection-offer-accept  llll  mmmm  hhhh  following",
		52: "name                     low   mid   high  state\ncollection-offer-accept  llll  mmmm  hhhh  following",
		51: "name                     mid   high  state\ncollection-offer-accept  mmmm  hhhh  following",
		45: "name                     high  state\ncollection-offer-accept  hhhh  following",
		30: "name           high  state\ncollec…accept  hhhh  following",
		26: "name             state\ncollect…-accept  following",
		18: "name      state\ncoll…ept  followi…",
	} {
		if got := strings.Join(tab.Lines(width), "\n"); got != want {
			t.Errorf("at %d:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// Numbers are aligned to the right, and notes stand below their rows.
func TestNotesAndAlignment(t *testing.T) {
	tab := Table{
		Columns: []Column{{Name: "a"}, {Name: "n", Right: true}},
		Rows:    []Row{{Cells: []Cell{{Text: "x"}, {Text: "1"}}, Note: Cell{Text: "HTTP 502 from there"}, Indent: "   "}, {Cells: []Cell{{Text: "yy"}, {Text: "1,000"}}}},
	}
	if got, want := strings.Join(tab.Lines(14), "\n"), "a       n\nx       1\n   HTTP 502 f…\nyy  1,000"; got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

func TestWrap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text, width := rapid.StringMatching(`([a-z]{1,90} ){0,9}[a-z漢]{0,9}`).Draw(r, "text"), rapid.IntRange(2, 80).Draw(r, "width")
		lines := Wrap(text, width)
		for _, line := range lines {
			if Width(line) > width {
				r.Fatalf("%q is wider than %d", line, width)
			}
		}
		if got := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); got != strings.ReplaceAll(text, " ", "") {
			r.Fatalf("%q of %q", got, text)
		}
	})
}

// thing is a branch of a test's tree: its name, and whether it has a note.
type thing struct {
	name string
	note bool
}

var form = Form[thing]{
	Own:    func(b *Branch[thing]) Row { return rowOf(b.Of.name, b.Of.note) },
	Folded: func(b *Branch[thing]) Row { return rowOf(fmt.Sprintf("%s +%d", b.Of.name, b.Troubled()), b.Of.note) },
	Rest: func(rest []*Branch[thing]) Row {
		n := 0
		for _, b := range rest {
			n += b.Troubled()
		}
		return rowOf(fmt.Sprintf("%d more +%d", len(rest), n), false)
	},
	Unfold: 1,
	Glyphs: true,
}

func rowOf(name string, note bool) Row {
	row := Row{Cells: []Cell{{Text: name}}}
	if note {
		row.Note.Text = "note"
	}
	return row
}

func drawTree(r *rapid.T) []*Branch[thing] {
	n := 0
	var draw func(depth int) []*Branch[thing]
	draw = func(depth int) (out []*Branch[thing]) {
		most := 5
		if depth == 4 {
			most = 0
		}
		for range rapid.IntRange(0, most).Draw(r, "branches") {
			n++
			b := &Branch[thing]{Of: thing{name: fmt.Sprintf("b%d", n), note: rapid.IntRange(0, 3).Draw(r, "note") == 0}, Bad: rapid.IntRange(0, 7).Draw(r, "bad") == 0}
			b.Below = draw(depth + 1)
			out = append(out, b)
		}
		return out
	}
	return draw(0)
}

// A folded tree fits the height. The branches that need attention have their own rows if
// all of them fit; otherwise they are counted in the rows that stand for them.
func TestTroubledBranchesStayVisible(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		roots := drawTree(r)
		height := rapid.IntRange(0, 60).Draw(r, "height")
		rows := form.Fold(roots, height)
		lines, names, counted := 0, map[string]bool{}, 0
		for _, row := range rows {
			lines += row.Lines()
			text := strings.TrimLeft(row.Cells[0].Text, "│├└─ ")
			name, hidden, summed := strings.Cut(text, " +")
			names[name] = true
			if summed {
				var n int
				fmt.Sscan(hidden, &n)
				counted += n
			}
		}
		if height > 0 && lines > height {
			r.Fatalf("%d lines of %d", lines, height)
		}
		bad, visible := 0, 0
		each(roots, func(b *Branch[thing]) {
			if b.Bad {
				bad++
				if names[b.Of.name] {
					visible++
				}
			}
		})
		if counted == 0 && visible != bad {
			r.Fatalf("%d of %d can be seen, and no row counts the others", visible, bad)
		}
		if counted+visible < bad {
			r.Fatalf("%d can be seen and %d are counted, of %d", visible, counted, bad)
		}
		least := form
		least.Unfold = 0
		if needed := linesIn(least.Fold(roots, 0)); (height == 0 || needed <= height) && visible != bad {
			r.Fatalf("%d of %d can be seen, though %d lines were enough", visible, bad, needed)
		}
	})
}

// Unfolded, every branch has its own row, in the order of the tree.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		roots := drawTree(r)
		var want []string
		each(roots, func(b *Branch[thing]) { want = append(want, b.Of.name) })
		var got []string
		for _, row := range form.Whole(roots) {
			got = append(got, strings.TrimLeft(row.Cells[0].Text, "│├└─ "))
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%v, want %v", got, want)
		}
	})
}

func linesIn(rows []Row) (n int) {
	for _, r := range rows {
		n += r.Lines()
	}
	return n
}

func TestFoldExample(t *testing.T) {
	leaf := func(name string, bad bool) *Branch[thing] { return &Branch[thing]{Of: thing{name: name}, Bad: bad} }
	roots := []*Branch[thing]{
		{Of: thing{name: "aptos"}, Below: []*Branch[thing]{leaf("head", false), {Of: thing{name: "tradeport"}, Below: []*Branch[thing]{leaf("buy", false), leaf("list", false)}}}},
		{Of: thing{name: "ethereum"}, Below: []*Branch[thing]{leaf("head", false), {Of: thing{name: "seaport"}, Below: []*Branch[thing]{leaf("buy", false), leaf("list", true), leaf("delist", false)}}}},
	}
	for height, want := range map[int]string{
		0: "├─ aptos\n│  ├─ head\n│  └─ tradeport +0\n└─ ethereum\n   ├─ head\n   └─ seaport\n      ├─ list\n      └─ 2 more +0",
		7: "├─ aptos +0\n└─ ethereum\n   ├─ head\n   └─ seaport\n      ├─ list\n      └─ 2 more +0",
		5: "├─ aptos +0\n└─ ethereum\n   ├─ head\n   └─ seaport +1",
		2: "├─ aptos +0\n└─ ethereum +1",
		1: "2 more +1",
	} {
		var got []string
		for _, row := range form.Fold(roots, height) {
			got = append(got, row.Cells[0].Text)
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("in %d lines:\n%s\nwant\n%s", height, text, want)
		}
	}
}
