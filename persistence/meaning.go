package persistence

import (
	"slices"

	"github.com/imart/event-worker/markets"
)

// Meaning is the meaning that a stream's log was made with, on the document of the observer
// that keeps the log.
type Meaning struct {
	markets.Meaning `bson:",inline"`
	// Changed are the aspects in which another meaning than this one was in force since: the
	// log may hold events that the present definition makes something else of.
	Changed []string `json:"changed,omitempty" bson:"changed,omitempty"`
}

// Under is the meaning of an actor's log once the present definition is in force. A log at its
// start, which is empty, takes it on, and so does one of a version that kept no meanings. Any
// other log keeps its own, and what has changed until it is at its start again.
func (a Actor) Under(present markets.Meaning) *Meaning {
	switch {
	case !present.Known():
		return a.Meaning
	case a.Meaning == nil || a.atStart():
		return &Meaning{Meaning: present}
	}
	next := *a.Meaning
	next.Changed = nil
	differences := next.Differences(present)
	for _, aspect := range []string{markets.SourceAspect, markets.DecodingAspect} {
		if slices.Contains(differences, aspect) || slices.Contains(a.Meaning.Changed, aspect) {
			next.Changed = append(next.Changed, aspect)
		}
	}
	next.Total = next.Total && present.Total
	return &next
}

// atStart says whether an actor is at the start of its stream, or will be before it does
// anything else.
func (a Actor) atStart() bool {
	at := a.Place
	if a.Pending != nil {
		at = *a.Pending
	}
	return len(a.Trail) == 0 && a.Pending == nil || len(a.Trail) > 0 && at == a.Trail[0]
}
