package facts

import (
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// memory contains, as of a place, the orders that are still to be asked about. It is lost
// with the process; a full round then asks about all orders.
type memory struct {
	round   bool  // a round is under way
	urgent  bool  // as fast as possible
	since   int64 // the block at which it began
	cursor  persistence.OpenCursor
	next    time.Time       // when a round is due
	waiting map[string]bool // orders that logs touched, beyond maxChosen
	hidden  []hidden

	asked, differed int // in the round
}

// hidden is what logs told at a block while documents were beyond it, at a later one: an order
// that was closed there was not asked about, and is open again if that is reorganised.
//
//	block 105   Alice's token moves away
//	block 106   Alice cancels: her order is closed in the documents as of 106
//	asked at 105: the order is not open
//	block 106'  replaces 106: the order is open, and not fillable since 105
type hidden struct {
	by markets.Place
	movements
}

// restart starts a round as fast as possible.
func (m *memory) restart() { *m = memory{round: true, urgent: true, hidden: m.hidden} }

// hide notes what moved at a block, if documents are beyond it.
func (m *memory) hide(moved movements, at, documents markets.Place) {
	m.hidden = slices.DeleteFunc(slices.Clone(m.hidden), func(h hidden) bool { return h.by.Seq <= at.Seq })
	if documents.Seq > at.Seq {
		m.hidden = append(m.hidden, hidden{documents, moved})
	}
}

// reveal adds what was hidden by blocks that are no longer on the chain.
func (m *memory) reveal(moved *movements, view *chains.View) {
	var still []hidden
	for _, h := range m.hidden {
		if mayBeOn(view, h.by) {
			still = append(still, h)
		} else {
			moved.include(h.movements)
		}
	}
	m.hidden = still
}

// memories are those at the last places: after a reorganisation, reading goes on from one of
// them.
type memories struct {
	kept []kept
}

type kept struct {
	place  markets.Place
	memory memory
}

const maxMemories = 256

// at is a copy of the memory at a place. Where there is none, all open orders are to be asked
// about.
func (m *memories) at(place markets.Place) memory {
	for _, k := range m.kept {
		if sameBlock(k.place, place) {
			found := k.memory
			found.waiting = maps.Clone(found.waiting)
			return found
		}
	}
	return memory{round: true, urgent: true}
}

// put keeps the memory at a place.
func (m *memories) put(place markets.Place, memory memory) {
	m.kept = slices.DeleteFunc(m.kept, func(k kept) bool { return sameBlock(k.place, place) })
	m.kept = append(m.kept, kept{place, memory})
	if len(m.kept) > maxMemories {
		m.kept = slices.Delete(m.kept, 0, 1)
	}
}
