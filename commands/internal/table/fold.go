package table

import "slices"

// Branch is a node of a tree.
type Branch[T any] struct {
	Of    T
	Bad   bool // whether the branch itself needs attention
	Below []*Branch[T]

	show                  int
	troubled              int // the number of branches that need attention, b included
	ownLines, foldedLines int
}

// How much of a branch is shown.
const (
	folded = iota // one row for the branch and all below it
	inPart        // its own row, rows for troubled branches below it, and one for the others
	whole         // its own row, and at least one for each branch below it
)

// Form makes the rows of a tree.
type Form[T any] struct {
	Own    func(b *Branch[T]) Row      // the row of a branch without those below it
	Folded func(b *Branch[T]) Row      // the row of a branch and all below it
	Rest   func(rest []*Branch[T]) Row // the row of several sibling branches
	// Unfold is the number of levels that are unfolded if there is room, even if no branch
	// there needs attention; -1 for all.
	Unfold int
	// Glyphs draws lines before the names; otherwise names are indented.
	Glyphs bool
}

// Troubled counts the branches that need attention, b included.
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

// Fold returns rows for all branches that take at most height lines; 0 is unlimited.
// Healthy branches have one row, unless there is room for more.
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

// prepare measures rows, and shows the branches that need attention.
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

// foldTo folds branches until their rows take at most height lines: the deepest first, and
// on each level the last first.
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

// unfold unfolds branches level by level while there is room.
func (f Form[T]) unfold(roots []*Branch[T], height int) {
	for depth, level := range levelsOf(roots) {
		if depth == f.Unfold {
			return // prepare shows the deeper branches that need attention
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

// linesOf counts the lines of the rows.
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

// cut returns rows for as many branches as fit, those that need attention first, and one
// for the rest.
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

// rows returns the rows of the branches as they are shown.
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

// visible divides the branches below one that is not folded into those with their own rows
// and the rest. A rest of one has its own row, which takes no more room.
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

// joint returns the prefixes of a name, and of the names below it.
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
