package factories

import (
	"maps"

	"github.com/imart/event-worker/markets"
)

// Contracts are announced contracts. They are immutable: adding some makes others, which share
// what both have.
type Contracts struct {
	layers []layer // each more than twice as large as the next
}

type layer map[markets.Announcement]bool

// With returns the contracts together with others.
func (c Contracts) With(added ...markets.Announcement) Contracts {
	top := layer{}
	for _, a := range added {
		if !c.Has(a) {
			top[a] = true
		}
	}
	if len(top) == 0 {
		return c
	}
	n := len(c.layers)
	for n > 0 && len(c.layers[n-1]) <= 2*len(top) {
		n--
		maps.Copy(top, c.layers[n])
	}
	return Contracts{append(c.layers[:n:n], top)}
}

// Has says whether a contract is among them.
func (c Contracts) Has(a markets.Announcement) bool {
	for _, l := range c.layers {
		if l[a] {
			return true
		}
	}
	return false
}

// Filter returns those of a stream's raw events, which are in order, that the stream reads,
// and the contracts that are announced after them.
func Filter(f *markets.Factories, known Contracts, raws []markets.Raw) ([]markets.Raw, Contracts) {
	var read []markets.Raw
	recent := known
	for i := range raws {
		raw := raws[i]
		raw.Announced = nil
		for _, name := range f.Names {
			if recent.Has(markets.Announcement{Factory: name, Address: raw.Address}) {
				raw.Announced = append(raw.Announced, name)
			}
		}
		if !f.Reads(&raw) {
			continue
		}
		read = append(read, raw)
		if raw.Fault == nil { // with one it becomes a dead letter
			recent = recent.With(f.Announces(&raw)...)
		}
	}
	return read, recent
}
