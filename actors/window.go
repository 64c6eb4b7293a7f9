package actors

import (
	"github.com/imart/event-worker/actors/budget"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// page is a batch that was read, and the places between which it lies. An observer that is out
// of step with the log gets no batch, which could differ from what the log has: it resumes the
// one in the log.
type page struct {
	from, to markets.Place
	final    bool           // to was final when the page was read
	batch    *markets.Batch // nil: it is in the log
	share    *budget.Share  // nil: it takes no room
}

// next reports whether the page leads on from p. On Aptos an observer may know its handle
// through a later version than that from which the page was read.
func (g page) next(p markets.Place) bool {
	return g.from.Seq == p.Seq && g.from.Hash == p.Hash && (g.to.Seq > p.Seq || g.to.Through > p.Through)
}

// destination is where the page leads from p.
func (g page) destination(p markets.Place) markets.Place {
	to := g.to
	to.Through = max(to.Through, p.Through)
	return to
}

// window is the pages of a stream from the hindmost observer in step to the furthest that
// was read ahead: each page begins where the one before it ends.
type window []page

// at is the page that leads on from p.
func (w window) at(p markets.Place) (page, bool) {
	for _, g := range w {
		if g.next(p) {
			return g, true
		}
	}
	return page{}, false
}

// furthest is the place that the window reaches from p, where its pages begin.
func (w window) furthest(p markets.Place) markets.Place {
	if len(w) == 0 {
		return p
	}
	return w[len(w)-1].to
}

// holds reports whether p is a place at which the window's pages begin or end.
func (w window) holds(p markets.Place) bool {
	_, ok := w.at(p)
	return ok || len(w) > 0 && sameBlock(w[len(w)-1].to, p)
}

func sameBlock(a, b markets.Place) bool { return a.Seq == b.Seq && a.Hash == b.Hash }

// on reports whether the page lies on the view's branch, as far as is known. A page that
// has come to lie below finality since it was read may be of any branch, and so may all
// that lie below it when finality itself was violated.
func (g page) on(view *chains.View, violated bool) bool {
	switch view.Stand(g.to) {
	case chains.On:
		return true
	case chains.Below:
		return g.final && !violated
	}
	return false
}

// release gives up all pages.
func (w window) release() {
	for _, g := range w {
		g.share.Release()
	}
}

// onBranch is the window up to the first page that leaves the view's branch; the others
// are given up.
func (w window) onBranch(view *chains.View, violated bool) window {
	for i, g := range w {
		if !g.on(view, violated) {
			w[i:].release()
			return w[:i:i]
		}
	}
	return w
}

// passed is the window without the pages that every observer in step has executed; these
// are given up.
func (w window) passed(cursors []*cursor) window {
	for len(w) > 0 {
		for _, c := range cursors {
			if c.subscribed && w.holds(c.acked) && !c.acked.Reaches(w[0].to) {
				return w
			}
		}
		w[0].share.Release()
		w = w[1:]
	}
	return w
}
