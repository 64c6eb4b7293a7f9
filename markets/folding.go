package markets

// Folding is the fold of an order, event by event. FoldOrder is the same for all events at
// once.
type Folding struct {
	Order  Order
	Exists bool    // an event of the order's own was applied
	used   []Event // cancellations by nonce so far
}

// Effect is the effect of an event on an order.
type Effect struct {
	// Ignored is why the event, or a part of it, is ignored; empty if nothing is.
	Ignored Ignored
	// By is the earlier cancellation of the order's nonce that takes effect with the event;
	// nil if there is none.
	By *Event
}

// NewFolding returns the fold of an order without events.
func NewFolding(chain, market, key string) *Folding {
	return &Folding{Order: Order{Chain: chain, Market: market, Key: key}}
}

// Apply applies the next event by position.
func (f *Folding) Apply(e *Event) Effect {
	if e.byNonce() {
		f.used = append(f.used, *e)
	}
	if !f.Exists {
		if e.Order != f.Order.Key || e.Kind == OrderChecked || e.Kind == SignedRefused {
			return Effect{Ignored: BeforeAll}
		}
		f.Exists, f.Order.First = true, e.Position
	}
	why := f.Order.applyNext(e)
	return Effect{Ignored: why, By: f.Order.cancelUsed(f.used)}
}
