package markets

import "slices"

// Own says which events of a contract with orders of many markets are one market's own: those
// with a token of its Collections, and those of orders that were submitted to it. An order is
// submitted at any time, so that the log decides as of its commit. See projection.Log.
type Own struct {
	Collections []string // EIP-55
}

// Has says whether an event has a token of the collections.
func (o Own) Has(e Event) bool {
	return slices.Contains(o.Collections, e.Token.Collection) ||
		slices.ContainsFunc(e.Bundle, func(i Item) bool { return slices.Contains(o.Collections, i.Collection) })
}

// OfDocuments is a transition of the stream's log as one of its documents: which events of a
// batch are the market's own is in the log alone.
func (s Stream) OfDocuments(t Transition) Transition {
	if s.Own != nil && t.Kind == BatchTransition {
		t.Kind, t.Batch = ResumeTransition, nil
	}
	return t
}
