package factories

import (
	"slices"

	"github.com/imart/event-worker/markets"
)

// maxPlaces is at how many places the contracts are remembered. A subject reads from fewer.
const maxPlaces = 256

// memory is the contracts that are known at the last places: those of a place follow from the
// blocks up to it, whose hash it has.
type memory struct {
	violations int // of finality, when the places were read
	places     []known
}

type known struct {
	at        markets.Place
	contracts Contracts
}

// since forgets everything if finality was violated since: what was below it may have been read
// from two branches. It says whether the memory is not newer itself.
func (m *memory) since(violations int) bool {
	if violations > m.violations {
		*m = memory{violations: violations}
	}
	return violations == m.violations
}

func (m *memory) at(place markets.Place) (Contracts, bool) {
	for i := range m.places {
		if sameBlock(m.places[i].at, place) {
			return m.places[i].contracts, true
		}
	}
	return Contracts{}, false
}

func (m *memory) put(place markets.Place, c Contracts) {
	m.places = slices.DeleteFunc(m.places, func(k known) bool { return sameBlock(k.at, place) })
	if len(m.places) >= maxPlaces {
		m.places = slices.Delete(m.places, 0, 1)
	}
	m.places = append(m.places, known{place, c})
}

func sameBlock(a, b markets.Place) bool { return a.Seq == b.Seq && a.Hash == b.Hash }
