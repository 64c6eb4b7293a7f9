package actors

import (
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// page is a batch and the places it lies between.
type page struct {
	from, to markets.Place
	final    bool // to was final when the page was read
	batch    *messages.Batch
	share    *share // of the memory budget; nil: none
}

// next says whether an observer that stands at p can be moved by the page. On
// Aptos it may know its handle further through than the page begins.
func (g page) next(p markets.Place) bool {
	return g.from.Seq == p.Seq && g.from.Hash == p.Hash && (g.to.Seq > p.Seq || g.to.Through > p.Through)
}

// end is where the page takes an observer that stands at p.
func (g page) end(p markets.Place) markets.Place {
	to := g.to
	to.Through = max(to.Through, p.Through)
	return to
}

// window is the pages of a stream from the hindmost observer in step to the
// furthest that was read ahead: each page begins where the one before it ends.
type window []page

// at is the page that moves an observer on from p.
func (w window) at(p markets.Place) (page, bool) {
	for _, g := range w {
		if g.next(p) {
			return g, true
		}
	}
	return page{}, false
}

// end is the place that the window reaches from p, where its pages begin.
func (w window) end(p markets.Place) markets.Place {
	if len(w) == 0 {
		return p
	}
	return w[len(w)-1].to
}

// holds says whether p is a place at which the window's pages begin or end.
func (w window) holds(p markets.Place) bool {
	_, ok := w.at(p)
	return ok || len(w) > 0 && sameBlock(w[len(w)-1].to, p)
}

func sameBlock(a, b markets.Place) bool { return a.Seq == b.Seq && a.Hash == b.Hash }

// on says whether the page lies on the view's branch, as far as is known. A page
// that has sunk below finality since it was read could be anything, and so could
// any below it when finality itself was broken.
func (g page) on(view *chains.View, broken bool) bool {
	switch view.Stand(g.to) {
	case chains.On:
		return true
	case chains.Below:
		return g.final && !broken
	}
	return false
}

// release gives up all pages.
func (w window) release() {
	for _, g := range w {
		g.share.release()
	}
}

// onBranch is the window up to the first page that leaves the view's branch; the
// others are given up.
func (w window) onBranch(view *chains.View, broken bool) window {
	for i, g := range w {
		if !g.on(view, broken) {
			w[i:].release()
			return w[:i:i]
		}
	}
	return w
}

// passed is the window without the pages that every observer in step has
// executed; these are given up.
func (w window) passed(cursors []*cursor) window {
	for len(w) > 0 {
		for _, c := range cursors {
			if c.subscribed && w.holds(c.acked) && !c.acked.Reaches(w[0].to) {
				return w
			}
		}
		w[0].share.release()
		w = w[1:]
	}
	return w
}
