package markets

// Ignored is why an event, or a part of it, does not change an order.
type Ignored string

// Events that make no sense in the order's state: anomalies.
const (
	OrderClosed  Ignored = "the order was already closed"
	TermsFixed   Ignored = "the order was already closed, and a listing with the same terms does not reopen it"
	NotOfOrders  Ignored = "events of this kind do not change orders"
	WithoutFact  Ignored = "it lacks the contracts' answer"
	FillsUnknown Ignored = "the contract does not know fills that the log has"
	OverFilled   Ignored = "the contract reports more than the whole order as filled"
)

// Facts and events that overlap: the later block takes precedence.
const (
	StateOutdated Ignored = "the contract's state is known as of a later block"
	StateForetold Ignored = "the contract's state was read at a later block and includes it: it does not change the status"
)

// Events that do not concern the order.
const (
	BeforeAll        Ignored = "the order had no event of its own yet"
	SignatureRefused Ignored = "a refused signed order changes no order"
	ClosedBefore     Ignored = "the order was already closed: there was nothing to cancel"
	OtherMaker       Ignored = "it cancels orders of another maker"
	OtherContract    Ignored = "it cancels orders of another contract"
	OtherSide        Ignored = "it cancels orders of the other side"
	OtherNonce       Ignored = "it cancels other nonces"
)

// Anomaly reports whether the event makes no sense in the order's state, and is counted.
func (i Ignored) Anomaly() bool {
	switch i {
	case OrderClosed, TermsFixed, NotOfOrders, WithoutFact, FillsUnknown, OverFilled:
		return true
	}
	return false
}

// Concerns reports whether the event concerns the order nevertheless: its position becomes
// the order's last.
func (i Ignored) Concerns() bool {
	switch i {
	case BeforeAll, SignatureRefused, ClosedBefore, OtherMaker, OtherContract, OtherSide, OtherNonce:
		return false
	}
	return true
}
