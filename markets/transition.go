package markets

import (
	"fmt"
	"math"
)

// TransitionKind says by what a transition leads from one place of a stream to another.
type TransitionKind int

const (
	// BatchTransition leads forward over a batch that was read from the chain.
	BatchTransition TransitionKind = iota + 1
	// RollbackTransition leads back: the events of the log beyond its end are undone.
	RollbackTransition
	// ResumeTransition leads forward over a batch whose events are read from the log, which
	// comes first: after an interruption between two portions, for documents that are out of
	// step with their log, and in streams with Own.
	ResumeTransition
)

// Transition takes one observer of a stream, the log's or the documents', from one
// place to another. Of documents it leaves every one that its events concern the
// fold, by position, of what all streams have executed then.
//
// The log comes first: before a batch is folded into documents its events are in the
// log, and they leave the log only after they were rolled back in the documents.
type Transition struct {
	Kind                  TransitionKind
	Chain, Market, Stream string
	From, To              Place
	// Batch is what lies between the places; nil unless Kind is BatchTransition.
	Batch *Batch
}

// Batch is what a stream holds between two places, decoded and by position. One batch
// is shared by all of the stream's observers and never changed.
type Batch struct {
	Events      []Event
	DeadLetters []DeadLetter // what could not be decoded
}

// Cursor is how far a transition has come. The zero Cursor is its beginning.
type Cursor struct {
	Done   bool
	Events int      // by how many the events of the documents have grown, once Done; a rollback's are negative
	page   Position // a rollback reads the log in pages, from behind here
	seq    int64    // at page
	keys   int      // documents of the page that are done
	bulk   int      // bulk cancels of the page that are done
	from   string   // of the next bulk cancel: its maker's orders up to this key
}

// Step makes the next portion of the transition, about limit documents, and
// returns how far it has come.
// Steps are safe to repeat: one that was interrupted, or whose cursor was lost,
// is made again with the same result.
func (t Transition) Step(b Book, c Cursor, limit int) (Cursor, error) {
	f, err := t.folder(b)
	if err != nil {
		return c, err
	}
	for budget := limit; budget > 0 && !c.Done; {
		events, err := t.page(b, c, limit)
		if err != nil {
			return c, err
		}
		used, next, err := f.fold(events, c, budget)
		if err != nil {
			return c, err
		}
		budget -= used
		if next.Done {
			next = t.turn(next, events, limit)
		}
		c = next
	}
	return c, nil
}

// page is the events that the cursor's next documents concern.
func (t Transition) page(b Book, c Cursor, limit int) ([]Event, error) {
	switch t.Kind {
	case BatchTransition:
		return t.Batch.Events, nil
	case RollbackTransition:
		return b.LogBetween(t.Stream, max(t.To.Seq, c.seq-1), t.From.Seq, c.page, limit)
	case ResumeTransition:
		return b.LogBetween(t.Stream, t.From.Seq, t.To.Seq, Position{}, math.MaxInt32)
	}
	return nil, t.unknownKind()
}

// turn is the cursor behind a page that is done: at the next page of a rollback, if
// there may be one, and else at the transition's end.
func (t Transition) turn(c Cursor, events []Event, limit int) Cursor {
	if t.Kind != RollbackTransition {
		c.Events = len(events)
		return c
	}
	c.Events -= len(events)
	if len(events) < limit {
		return c
	}
	last := events[len(events)-1]
	return Cursor{Events: c.Events, page: last.Position, seq: last.Seq}
}

func (t Transition) unknownKind() error {
	return fmt.Errorf("transition of unknown kind %d", t.Kind)
}
