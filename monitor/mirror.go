package monitor

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
)

// mirror is a copy of the documents of this process's actors, as the process has claimed
// and written them, and the epochs at which it owns its chains.
type mirror struct {
	mu       sync.Mutex
	actors   map[string]*persistence.Actor // by the key of their documents, without their trails
	commits  map[string]int64              // by this process, by the key of the actor's document
	epochs   map[string]int64              // of the chains that are owned
	released map[string]int64              // by chain, the epoch released: later reports of that epoch are ignored
}

func newMirror() *mirror {
	return &mirror{actors: map[string]*persistence.Actor{}, commits: map[string]int64{}, epochs: map[string]int64{}, released: map[string]int64{}}
}

// claimed records a claimed document. Claims may be reported late, when a later
// incarnation of the actor is already recorded.
func (m *mirror) claimed(doc persistence.Actor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if released, ok := m.released[doc.Chain]; ok && doc.Epoch <= released {
		return
	}
	if known := m.actors[doc.ID]; known == nil || known.Incarnation < doc.Incarnation {
		doc.Trail = nil
		m.actors[doc.ID] = &doc
	}
}

// moved records committed moves. A claimed document already includes the commits of
// earlier incarnations.
func (m *mirror) moved(moves []persistence.Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, move := range moves {
		m.commits[move.Actor.ID]++
		if a := m.incarnation(move.Actor); a != nil {
			a.Place, a.Report = move.To, move.Report
			a.Events += move.Events
			a.DeadLetters += move.DeadLetters
		}
	}
}

// reported records a written report.
func (m *mirror) reported(ref persistence.ActorRef, report persistence.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.incarnation(ref); a != nil {
		a.Report = report
		if report.Place != nil {
			a.Place = *report.Place
		}
	}
}

// fenced removes an actor whose document another owner has, or which must be claimed
// again.
func (m *mirror) fenced(ref persistence.ActorRef) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.incarnation(ref) != nil {
		delete(m.actors, ref.ID)
	}
}

// incarnation returns an actor if the recorded incarnation is ref's.
func (m *mirror) incarnation(ref persistence.ActorRef) *persistence.Actor {
	if a := m.actors[ref.ID]; a != nil && a.Ref() == ref {
		return a
	}
	return nil
}

func (m *mirror) owned(chain string, epoch int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epochs[chain] = epoch
}

func (m *mirror) owns(chain string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, owned := m.epochs[chain]
	return owned
}

// release removes a chain and all of its actors.
func (m *mirror) release(chain string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.released[chain] = max(m.released[chain], m.epochs[chain])
	delete(m.epochs, chain)
	maps.DeleteFunc(m.actors, func(_ string, a *persistence.Actor) bool { return a.Chain == chain })
}

// Actors are the documents of the actors of a chain that this process owns, by key, as it has
// claimed and written them last, without their trails, the ends of unfinished transitions and the
// times of writing. They come from memory: nothing waits.
func (m *Metrics) Actors(chain string) (docs []persistence.Actor) {
	m.mirror.mu.Lock()
	defer m.mirror.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(m.mirror.actors)) {
		if a := m.mirror.actors[id]; a.Chain == chain {
			doc := *a
			doc.Pending, doc.UpdatedAt, doc.Report.Place = nil, time.Time{}, nil
			docs = append(docs, doc)
		}
	}
	return docs
}
