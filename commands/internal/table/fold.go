package table

import "slices"

// Branch is something in a tree, with what is below it.
type Branch[T any] struct {
	Of    T
	Bad   bool // it needs attention itself
	Below []*Branch[T]

	show                  int
	troubled              int // branches that need attention, from this one on
	ownLines, foldedLines int
}

// How much of a branch is shown.
const (
	folded = iota // one row for it and all below it
	inPart        // its own row, what needs attention below it, and one row for the rest
	whole         // its own row, and at least one for each branch below it
)

// Form makes the rows of a tree.
type Form[T any] struct {
	Own    func(b *Branch[T]) Row      // of a branch alone
	Folded func(b *Branch[T]) Row      // of a branch with all that is below it
	Rest   func(rest []*Branch[T]) Row // of several branches beside each other
	// Unfold is how many levels are unfolded although nothing there needs attention, if there
	// is room; -1 for all.
	Unfold int
	// Glyphs draws the lines of a tree before the names; otherwise names are indented.
	Glyphs bool
}

// Troubled counts the branches that need attention, from b on.
func (b *Branch[T]) Troubled() int {
	n := 0
	each([]*Branch[T]{b}, func(c *Branch[T]) {
		if c.Bad {
			n++
		}
	})
	return n
}

// Whole returns the rows of all branches.
func (f Form[T]) Whole(roots []*Branch[T]) []Row {
	each(roots, func(b *Branch[T]) { b.show = whole })
	return f.rows(roots)
}

// Fold returns rows for all branches that take at most height lines; 0 means that there is
// no limit. Branches where nothing needs attention have one row, unless there is room.
func (f Form[T]) Fold(roots []*Branch[T], height int) []Row {
	for _, b := range roots {
		f.prepare(b)
	}
	if height > 0 {
		foldTo(roots, height)
	}
	f.unfold(roots, height)
	if height > 0 && linesOf(roots) > height {
		return f.cut(roots, height)
	}
	return f.rows(roots)
}

// prepare shows what needs attention, and measures rows.
func (f Form[T]) prepare(b *Branch[T]) {
	b.troubled = 0
	if b.Bad {
		b.troubled = 1
	}
	for _, c := range b.Below {
		f.prepare(c)
		b.troubled += c.troubled
	}
	b.show = folded
	if b.troubled > 0 {
		b.show = inPart
	}
	b.ownLines = f.Own(b).Lines()
	if len(b.Below) > 0 {
		b.foldedLines = f.Folded(b).Lines()
	}
}

// foldTo folds branches until their rows take at most height lines: the deepest ones first,
// and of these the last ones.
func foldTo[T any](roots []*Branch[T], height int) {
	for _, level := range slices.Backward(levelsOf(roots)) {
		for _, b := range slices.Backward(level) {
			if linesOf(roots) <= height {
				return
			}
			b.show = folded
		}
	}
}

// unfold unfolds branches for which there is room, level by level.
func (f Form[T]) unfold(roots []*Branch[T], height int) {
	for depth, level := range levelsOf(roots) {
		if depth == f.Unfold {
			return // what needs attention from here on is shown already
		}
		for _, b := range level {
			before := b.show
			b.show = whole
			if height > 0 && linesOf(roots) > height {
				b.show = before
			}
		}
	}
}

// linesOf counts the lines of what is shown.
func linesOf[T any](branches []*Branch[T]) (n int) {
	for _, b := range branches {
		if len(b.Below) > 0 && b.show == folded {
			n += b.foldedLines
			continue
		}
		shown, rest := b.visible()
		n += b.ownLines + linesOf(shown)
		if len(rest) > 0 {
			n++
		}
	}
	return n
}

// cut returns rows for the first branches, those that need attention before the others, and
// one for the rest.
func (f Form[T]) cut(roots []*Branch[T], height int) []Row {
	sorted := slices.Clone(roots)
	slices.SortStableFunc(sorted, func(a, b *Branch[T]) int { return min(b.troubled, 1) - min(a.troubled, 1) })
	n := len(sorted) - 1
	for n > 0 && linesOf(sorted[:n]) >= height {
		n--
	}
	return append(f.rows(sorted[:n]), f.Rest(sorted[n:]))
}

func each[T any](branches []*Branch[T], do func(*Branch[T])) {
	for _, b := range branches {
		do(b)
		each(b.Below, do)
	}
}

func levelsOf[T any](roots []*Branch[T]) (levels [][]*Branch[T]) {
	for level := roots; len(level) > 0; {
		levels = append(levels, level)
		var next []*Branch[T]
		for _, b := range level {
			next = append(next, b.Below...)
		}
		level = next
	}
	return levels
}

// rows are those of what is shown.
func (f Form[T]) rows(roots []*Branch[T]) []Row {
	var out []Row
	for i, b := range roots {
		f.add(&out, b, "", i == len(roots)-1)
	}
	return out
}

func (f Form[T]) add(out *[]Row, b *Branch[T], indent string, last bool) {
	joint, under := f.joint(last)
	if len(b.Below) > 0 && b.show == folded {
		*out = append(*out, placed(f.Folded(b), indent+joint, indent+under))
		return
	}
	*out = append(*out, placed(f.Own(b), indent+joint, indent+under))
	shown, rest := b.visible()
	for i, c := range shown {
		f.add(out, c, indent+under, i == len(shown)-1 && len(rest) == 0)
	}
	if len(rest) > 0 {
		joint, below := f.joint(true)
		*out = append(*out, placed(f.Rest(rest), indent+under+joint, indent+under+below))
	}
}

// visible divides what is below a branch that is not folded into what has rows of its own
// and the rest. One alone takes no more room than a row for the rest.
func (b *Branch[T]) visible() (shown, rest []*Branch[T]) {
	if b.show == whole {
		return b.Below, nil
	}
	for _, c := range b.Below {
		if c.troubled > 0 {
			shown = append(shown, c)
		} else {
			rest = append(rest, c)
		}
	}
	if len(rest) == 1 {
		return b.Below, nil
	}
	return shown, rest
}

// joint is what stands before a name, and before those below it.
func (f Form[T]) joint(last bool) (joint, below string) {
	switch {
	case !f.Glyphs:
		return "", "  "
	case last:
		return "└─ ", "   "
	}
	return "├─ ", "│  "
}

func placed(r Row, before, under string) Row {
	r.Cells = slices.Clone(r.Cells)
	r.Cells[0].Text = before + r.Cells[0].Text
	r.Indent = under
	return r
}
