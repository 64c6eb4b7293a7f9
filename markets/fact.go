package markets

import (
	"slices"
	"time"
)

// Fact is what contracts say of one order as of the end of a block: the market's contract of
// the order's status, and the tokens' contracts of whether it can be filled. What they were
// not asked, or did not answer, is nil.
type Fact struct {
	State    *ContractState `json:"state,omitempty" bson:"state,omitempty"`
	Fillable *Fillability   `json:"fillable,omitempty" bson:"fillable,omitempty"`
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

// check takes in what the contracts say. They know better than the order's events: those may
// have been read from some point on, and a fill does not say of how much it is a part.
func (o *Order) check(e Event) {
	if e.Fact == nil {
		o.Anomalies++
		return
	}
	o.Checked = new(e.Position)
	if state := e.Fact.State; state != nil {
		o.State = state
		o.settle(e)
		o.Open = o.Status.Alive()
	}
	if fillable := e.Fact.Fillable; fillable != nil && !fillable.Same(o.Fillable) {
		o.Fillable = &Fillability{Answer: fillable.Answer, Reasons: fillable.Reasons, Since: new(e.Position), Time: new(e.Time)}
	}
}

// settle sets the order's status, and how much of it is filled, by its contract.
func (o *Order) settle(e Event) {
	whole := o.State.Filled.Known() && o.State.Filled != "0" && o.State.Filled.Cmp(o.State.Size) >= 0
	if o.ListedAt != nil {
		o.Filled = o.Quantity.Part(o.State.Filled, o.State.Size)
	} else if !whole && o.Status == Sold {
		o.Quantity = "" // it was inferred from a fill
	}
	switch {
	case whole:
		o.CanceledAt = nil
		o.sell(e)
	case o.State.Cancelled, e.Fact.countedOut(), o.Status == Closed:
		o.SoldAt = nil
		if o.Status != Canceled {
			o.close(Canceled, e)
		}
	case o.Status == Partial, o.Status == Sold, o.Status == "":
		o.Status, o.SoldAt = Listing, nil
	}
}

// countedOut says whether the maker's counter has cancelled the order.
func (f *Fact) countedOut() bool {
	return f.Fillable != nil && slices.Contains(f.Fillable.Reasons, CounterRisen)
}
