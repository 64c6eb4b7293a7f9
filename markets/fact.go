package markets

import (
	"cmp"
	"slices"
	"time"
)

// StateStream is the name of the stream of a market whose events are facts. It is read behind
// the market's other streams, but may be ahead of them after a rewind.
const StateStream = "state"

// Fact is what contracts say of one order as of the end of a block: the market's contract of
// the order's status, and the tokens' contracts of whether it can be filled. What they were
// not asked, or did not answer, is nil.
type Fact struct {
	State    *ContractState `json:"state,omitempty" bson:"state,omitempty"`
	Fillable *Fillability   `json:"fillable,omitempty" bson:"fillable,omitempty"`
	// Owner is who had the token of a bid when it was first asked about; empty unless the bid
	// is for one ERC-721 token and names nobody, and its market notifies.
	Owner string `json:"owner,omitempty" bson:"owner,omitempty"`
}

// ContractState is the status of an order in its market's contract.
type ContractState struct {
	// Validated: the contract fills the order without a signature.
	Validated bool `json:"validated,omitempty" bson:"validated,omitempty"`
	Cancelled bool `json:"cancelled,omitempty" bson:"cancelled,omitempty"`
	// Filled / Size is the fraction filled; both are 0 before the first fill.
	Filled Amount `json:"filled" bson:"filled"`
	Size   Amount `json:"size" bson:"size"`
	// Height is the block at whose end the contract was asked, where nodes no longer have
	// the state of the fact's own block; 0 if it is the fact's own.
	Height int64 `json:"height,omitempty" bson:"height,omitempty"`
}

// Fillability is whether a stranger can fill what remains of an order, by the state of the
// chain. Times are not part of it: they pass without any event. See Order.StartsAt and
// Order.ExpiresAt.
type Fillability struct {
	Answer Answer `json:"answer" bson:"answer"`
	// Reasons say what is missing, if the answer is no.
	Reasons []Reason `json:"reasons,omitempty" bson:"reasons,omitempty"`
	// Since is the position of the first of the facts in a row that say so, and Time its
	// block's time. A fact itself does not have them.
	Since *Position  `json:"since,omitempty" bson:"since,omitempty"`
	Time  *time.Time `json:"time,omitempty" bson:"time,omitempty"`
}

// Answer is yes, no or unknown.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Answers are all answers.
func Answers() []Answer { return []Answer{Yes, No, Unknown} }

// Reason is why an order cannot be filled.
type Reason string

// The reasons.
const (
	NotOwner     Reason = "owner"     // the maker does not have the token
	NoApproval   Reason = "approval"  // the maker has not approved its transfer
	NoBalance    Reason = "balance"   // the maker does not have the money
	NoAllowance  Reason = "allowance" // the maker has not allowed to take it
	ZoneDecides  Reason = "zone"      // the order's zone must agree
	PrivateOrder Reason = "private"   // only one taker can fill it
	CounterRisen Reason = "counter"   // the maker's counter is higher than the order's
	WasCancelled Reason = "cancelled"
	WasFilled    Reason = "filled"
	BadSignature Reason = "signature" // the maker's contract no longer takes the signature
)

// Reasons are all reasons.
func Reasons() []Reason {
	return []Reason{NotOwner, NoApproval, NoBalance, NoAllowance, ZoneDecides, PrivateOrder, CounterRisen, WasCancelled, WasFilled, BadSignature}
}

// Same says whether two fillabilities say the same, since whenever.
func (f *Fillability) Same(g *Fillability) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Answer == g.Answer && slices.Equal(f.Reasons, g.Reasons)
}

// check applies the contracts' answer, which takes precedence over the order's events:
// those may start in the middle of its history, and a fill does not tell the order's
// quantity.
func (o *Order) check(e Event) (why Ignored) {
	if e.Fact == nil {
		return o.anomaly(WithoutFact)
	}
	o.Checked = new(e.Position)
	switch state := e.Fact.State; {
	case state == nil:
	case o.State != nil && max(state.Height, e.Position.Height) < o.State.Height:
		why = StateOutdated
	default:
		o.State = state
		why = o.settle(e)
		o.Open = o.Status.Alive()
	}
	if fillable := e.Fact.Fillable; fillable != nil && !fillable.Same(o.Fillable) {
		o.Fillable = &Fillability{Answer: fillable.Answer, Reasons: fillable.Reasons, Since: new(e.Position), Time: new(e.Time)}
	}
	return why
}

// settle sets the order's status and its filled quantity by its contract's state. A state
// that contradicts fills in the log, or has more filled than the order's size, is an
// anomaly.
func (o *Order) settle(e Event) Ignored {
	if o.FilledAt != nil && !o.State.filled() {
		return o.anomaly(FillsUnknown)
	}
	if o.State.Filled.Cmp(o.State.Size) > 0 {
		return o.anomaly(OverFilled)
	}
	o.count()
	switch {
	case o.State.whole():
		if o.Status != Sold {
			o.sell(e)
		}
	case o.Status == Closed, o.State.Cancelled, e.Fact.countedOut():
		o.SoldAt = nil
		if o.CanceledAt == nil {
			o.CanceledAt = new(e.Time)
		}
		o.Status = Canceled
	case o.Status == Partial, o.Status == Sold, o.Status == "":
		o.Status, o.SoldAt = Listing, nil
	}
	return ""
}

// count sets how much of the order is filled by its contract, if the order's quantity is
// known. One that was inferred from fills, and of which the contract says that they were not
// all, is not.
func (o *Order) count() {
	switch {
	case o.ListedAt == nil && !o.State.whole():
		o.Quantity = ""
	case o.ListedAt != nil && o.Quantity.Known():
		o.Filled = o.Quantity.Part(o.State.Filled, o.State.Size)
	}
}

// foretold says whether the contract was asked at a later block than the event's: its state
// includes the event. It never includes bulk cancels.
func (o *Order) foretold(e Event) bool {
	return o.State != nil && e.Position.Height <= o.State.Height && e.Kind != OrderChecked && e.Kind != OrdersCancelled
}

// applyForetold applies an event that the contract's state includes: it changes neither the
// order's status nor how much of a known quantity is filled.
func (o *Order) applyForetold(e Event) Ignored {
	status, sold, canceled := o.Status, o.SoldAt, o.CanceledAt
	if !status.Alive() {
		o.Status = Partial
	}
	why := o.apply(e)
	if o.State == nil { // the order started over
		return why
	}
	o.Status, o.SoldAt, o.CanceledAt = status, sold, canceled
	if status == Sold && o.FilledAt != nil {
		o.SoldAt = o.FilledAt
	}
	o.count()
	return cmp.Or(why, StateForetold)
}

func (s *ContractState) filled() bool { return s.Filled.Known() && s.Filled != "0" }

// whole says whether the order is filled whole.
func (s *ContractState) whole() bool { return s.filled() && s.Filled == s.Size }

// countedOut says whether the maker's counter has cancelled the order.
func (f *Fact) countedOut() bool {
	return f.Fillable != nil && slices.Contains(f.Fillable.Reasons, CounterRisen)
}
