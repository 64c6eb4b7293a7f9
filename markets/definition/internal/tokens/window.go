package tokens

import (
	"math"

	"github.com/imart/event-worker/markets"
)

// Window is a part of an event's transaction: what lies between two edges. The zero Window
// begins at the previous event of the event's kind and ends at the event.
type Window struct{ Since, Until Edge }

// Edge is where a window begins or ends. The zero Edge is the default of its Window.
type Edge struct {
	kind  edgeKind
	topic [32]byte
}

type edgeKind int

const (
	byDefault edgeKind = iota
	itself
	sameKind
	another
	transaction
)

// Event is the event itself.
func Event() Edge { return Edge{kind: itself} }

// SameKind is the previous or the next event of the event's kind.
func SameKind() Edge { return Edge{kind: sameKind} }

// Another is the last event of another kind before the event, or the first after it.
func Another(topic [32]byte) Edge { return Edge{kind: another, topic: topic} }

// Transaction is the transaction's beginning or end. Where there is no other event at an edge,
// it is the edge too.
func Transaction() Edge { return Edge{kind: transaction} }

// IsEmpty says whether nothing lies in any window of the kind.
func (w Window) IsEmpty() bool {
	return w.Since == Event() && (w.Until == Event() || w.Until == Edge{})
}

// bounds are the indices of the logs between which the window lies. Edges are events of the
// event's contract.
func (w Window) bounds(raw *markets.Raw) (after, before int32) {
	if w.Since.kind == byDefault {
		w.Since.kind = sameKind
	}
	if w.Until.kind == byDefault {
		w.Until.kind = itself
	}
	after, before = -1, math.MaxInt32
	own := raw.Position.Log
	if w.Since.kind == itself {
		after = own
	}
	if w.Until.kind == itself {
		before = own
	}
	for i := range raw.ReceiptLogs {
		switch l := &raw.ReceiptLogs[i]; {
		case l.Address != raw.Address || len(l.Topics) == 0:
		case l.Index < own && w.Since.isAt(l, raw):
			after = max(after, l.Index)
		case l.Index > own && w.Until.isAt(l, raw):
			before = min(before, l.Index)
		}
	}
	return after, before
}

// isAt says whether the edge is at a log of the event's contract.
func (e Edge) isAt(l *markets.Log, raw *markets.Raw) bool {
	return e.kind == sameKind && l.Topics[0] == raw.Topics[0] || e.kind == another && l.Topics[0] == e.topic
}
