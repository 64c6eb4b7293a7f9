package monitor

import (
	"maps"
	"sync"

	"github.com/imart/event-worker/persistence"
)

// mirror is what the documents of this process's actors say, as the process itself
// has claimed and written them, and at which epochs it owns its chains.
type mirror struct {
	mu       sync.Mutex
	actors   map[string]*actor // by the key of their documents
	epochs   map[string]int64  // of the chains that are owned
	released map[string]int64  // by chain, the epoch given up: what comes of it later is no news
}

// actor is an actor's document.
type actor struct {
	persistence.Actor       // without its trail
	commits           int64 // by this process
}

func newMirror() *mirror {
	return &mirror{actors: map[string]*actor{}, epochs: map[string]int64{}, released: map[string]int64{}}
}

// claimed takes in a document that was claimed. Claims may come late, and then an
// actor's later incarnation is known.
func (m *mirror) claimed(doc persistence.Actor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if released, ok := m.released[doc.Chain]; ok && doc.Epoch <= released {
		return
	}
	known := m.actors[doc.ID]
	if known == nil {
		known = &actor{}
	}
	if known.Incarnation < doc.Incarnation {
		doc.Trail = nil
		m.actors[doc.ID] = &actor{doc, known.commits}
	}
}

// moved takes in moves that were committed. What a commit of an earlier incarnation
// did, the claimed document says already.
func (m *mirror) moved(moves []persistence.Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, move := range moves {
		if a := m.incarnation(move.Actor); a != nil {
			a.Place, a.Report = move.To, move.Report
			a.Events += move.Events
			a.DeadLetters += move.DeadLetters
			a.commits++
		}
	}
}

// reported takes in a report that was written.
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

// fenced forgets an actor whose document is another's, or must be claimed again.
func (m *mirror) fenced(ref persistence.ActorRef) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.incarnation(ref) != nil {
		delete(m.actors, ref.ID)
	}
}

// incarnation is an actor if it is the incarnation that is known.
func (m *mirror) incarnation(ref persistence.ActorRef) *actor {
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

// release forgets a chain with all that is below it.
func (m *mirror) release(chain string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.released[chain] = max(m.released[chain], m.epochs[chain])
	delete(m.epochs, chain)
	maps.DeleteFunc(m.actors, func(_ string, a *actor) bool { return a.Chain == chain })
}
