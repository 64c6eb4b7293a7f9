package markets

// Ignored is why an event, or a part of it, does not change an order.
type Ignored string

// Events that make no sense in the order's state: anomalies.
const (
	OrderClosed  Ignored = "the order was closed before"
	TermsFixed   Ignored = "the order was closed before, and a listing of the same terms does not open it again"
	NotOfOrders  Ignored = "events of this kind do not change orders"
	WithoutFact  Ignored = "it does not have what the contracts say"
	FillsUnknown Ignored = "the contract does not know of fills that the log has"
	OverFilled   Ignored = "the contract says that more than the whole order is filled"
)

// Facts and events that overlap: what is known of a later block counts.
const (
	StateOutdated Ignored = "the contract's state is known as of a later block"
	StateForetold Ignored = "the contract's state was read at a later block and includes it: it does not change the status"
)

// Events that do not concern the order.
const (
	BeforeAll        Ignored = "the order had no event of its own yet"
	SignatureRefused Ignored = "a refused signed order changes no order"
	ClosedBefore     Ignored = "the order was closed before: there was nothing to cancel"
	OtherMaker       Ignored = "it is of another maker"
	OtherContract    Ignored = "it is of another contract"
	OtherSide        Ignored = "it is for orders of the other side"
	OtherNonce       Ignored = "it is for other nonces"
)

// Anomaly says whether the event makes no sense in the order's state, and is counted.
func (i Ignored) Anomaly() bool {
	switch i {
	case OrderClosed, TermsFixed, NotOfOrders, WithoutFact, FillsUnknown, OverFilled:
		return true
	}
	return false
}

// Concerns says whether the event concerns the order nevertheless: its position becomes the
// order's last.
func (i Ignored) Concerns() bool {
	switch i {
	case BeforeAll, SignatureRefused, ClosedBefore, OtherMaker, OtherContract, OtherSide, OtherNonce:
		return false
	}
	return true
}
