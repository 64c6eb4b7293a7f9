package markets

import (
	"cmp"
	"time"
)

// Status is the state of an order.
type Status string

// The statuses of an order. "Expired" is not one: it is computed from ExpiresAt when an
// order is read.
const (
	Listing  Status = "LISTING"
	Partial  Status = "PARTIAL" // filled, in part or whole: how much the order is for is not known
	Sold     Status = "SOLD"
	Canceled Status = "CANCELED"
	Rejected Status = "REJECTED"
	Closed   Status = "CLOSED" // sold or cancelled: what is known does not tell which
)

// Statuses are all statuses of an order.
func Statuses() []Status { return []Status{Listing, Partial, Sold, Canceled, Rejected, Closed} }

// Alive says whether an order of the status can still be filled.
func (s Status) Alive() bool { return s == Listing || s == Partial }

// Order is the current state of a listing (an ask) or an offer (a bid): the fold of its
// events by position. Its size does not depend on its number of fills.
type Order struct {
	Chain    string `json:"chain" bson:"chain"`
	Market   string `json:"market" bson:"market"`
	Key      string `json:"key" bson:"key"` // within its market
	Side     Side   `json:"side,omitempty" bson:"side,omitempty"`
	Status   Status `json:"status" bson:"status"`
	Maker    string `json:"maker,omitempty" bson:"maker,omitempty"`
	Taker    string `json:"taker,omitempty" bson:"taker,omitempty"` // of the last fill
	Contract string `json:"contract,omitempty" bson:"contract,omitempty"`
	Nonce    Amount `json:"nonce,omitempty" bson:"nonce,omitempty"` // of the maker's; unknown if none of its events has it

	Token  Token  `json:"token,omitzero" bson:"token,omitempty"`
	Bundle []Item `json:"bundle,omitempty" bson:"bundle,omitempty"`
	// Quantity is how many units of Token the order is for, unknown if only fills were seen.
	// Filled is how many have changed hands. Filled / Quantity is the fraction filled, of a
	// bundle too.
	Quantity Amount `json:"quantity,omitempty" bson:"quantity,omitempty"`
	Filled   Amount `json:"filled,omitempty" bson:"filled,omitempty"`

	// Price is what is asked or bid for the whole order, Paid what was paid for Filled. If
	// its listing was not seen (most markets sign listings off chain) Price is Paid.
	Price    Amount   `json:"price,omitempty" bson:"price,omitempty"`
	Paid     Amount   `json:"paid,omitempty" bson:"paid,omitempty"`
	Currency Currency `json:"currency,omitzero" bson:"currency,omitempty"`
	// UnitPrice is Price / Quantity, rounded up, if both are known and there is no Bundle.
	UnitPrice Amount `json:"unitPrice,omitempty" bson:"unitPrice,omitempty"`
	// Remaining is Quantity - Filled of an order that can still be filled.
	Remaining Amount `json:"remaining,omitempty" bson:"remaining,omitempty"`
	Terms     `bson:",inline"`

	// State is the order's status in the market's contract, and Fillable whether it can be
	// filled, when the contracts were last asked; nil if they never were.
	State    *ContractState `json:"contractState,omitempty" bson:"contractState,omitempty"`
	Fillable *Fillability   `json:"fillable,omitempty" bson:"fillable,omitempty"`

	// ListedAt is the time of the first change of an order whose listing was not seen.
	// Open says that the order's contracts are worth asking: the order can still be filled, or
	// was closed since they were last asked, or was filled to an unknown extent before it was
	// cancelled.
	Open bool `json:"open,omitempty" bson:"open,omitempty"`
	// Checked is the position of the last fact about the order; nil if there is none.
	Checked *Position `json:"checked,omitempty" bson:"checked,omitempty"`

	// FilledAt is the time of the last fill.
	ListedAt   *time.Time `json:"listedAt,omitempty" bson:"listedAt,omitempty"`
	FilledAt   *time.Time `json:"filledAt,omitempty" bson:"filledAt,omitempty"`
	SoldAt     *time.Time `json:"soldAt,omitempty" bson:"soldAt,omitempty"`
	CanceledAt *time.Time `json:"canceledAt,omitempty" bson:"canceledAt,omitempty"`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty" bson:"expiresAt,omitempty"`

	// First and Last are the positions of the first and last event of the fold.
	First     Position `json:"first" bson:"first"`
	Last      Position `json:"last" bson:"last"`
	Anomalies int64    `json:"anomalies,omitempty" bson:"anomalies,omitempty"` // events since its listing that made no sense in the order's state
}

// ID is the order's key in the store.
func (o Order) ID() string { return o.Chain + "/" + o.Market + "/" + o.Key }

// Apply applies the next event by position to the order, and says whether the event
// concerned it. It is total: an event that makes no sense in the order's state is counted
// as an anomaly and changes nothing else.
func (o *Order) Apply(e Event) bool { return o.applyNext(&e).Concerns() }

// applyNext is Apply, and returns why the event, or a part of it, is ignored.
func (o *Order) applyNext(e *Event) Ignored {
	if why := o.unconcerned(e); why != "" {
		return why
	}
	var why Ignored
	if o.foretold(*e) {
		why = o.applyForetold(*e)
	} else {
		why = o.apply(*e)
	}
	o.derive()
	o.Last = e.Position
	return why
}

// unconcerned says why an event does not concern the order; empty if it does.
func (o *Order) unconcerned(e *Event) Ignored {
	switch {
	case e.Kind == SignedRefused:
		return SignatureRefused
	case e.Kind == OrdersCancelled && !o.Status.Alive():
		return ClosedBefore
	case e.Kind == OrdersCancelled:
		return o.unreached(e)
	}
	return ""
}

func (o *Order) apply(e Event) Ignored {
	switch e.Kind {
	case Listed, OfferMade:
		return o.list(e)
	case Bought, OfferAccepted, Matched:
		return o.fill(e)
	case Delisted, OfferCancelled:
		return o.ifOpen(e, o.cancel)
	case OrdersCancelled:
		o.cancelInBulk(e)
		return ""
	case OfferRejected:
		return o.ifOpen(e, o.reject)
	case OrderChanged:
		return o.ifOpen(e, o.change)
	case OrderChecked:
		return o.check(e)
	}
	return o.anomaly(NotOfOrders)
}

// anomaly counts an event that makes no sense in the order's state, and returns why.
func (o *Order) anomaly(why Ignored) Ignored {
	o.Anomalies++
	return why
}

// ifOpen applies an event to an order that can still be filled, or is not known yet.
func (o *Order) ifOpen(e Event, apply func(Event)) Ignored {
	if o.Status != "" && !o.Status.Alive() {
		return o.anomaly(OrderClosed)
	}
	o.describe(e)
	apply(e)
	return ""
}

// list opens the order. One that is listed again starts over, unless its terms are fixed.
func (o *Order) list(e Event) Ignored {
	switch {
	case !e.Fixed || o.Status == "":
		o.open(e)
	case o.Status.Alive(), o.Status == Closed:
		o.confirm(e)
	default:
		return o.anomaly(TermsFixed)
	}
	return ""
}

// open starts the order over with the event's terms: a listing replaces what was before.
func (o *Order) open(e Event) {
	*o = Order{Chain: o.Chain, Market: o.Market, Key: o.Key, First: o.First}
	o.describe(e)
	o.Status = Listing
	o.Quantity, o.Price, o.Filled = e.Quantity, e.Price, "0"
	o.Terms = e.Terms
	o.ListedAt, o.ExpiresAt = new(e.Time), e.ExpiresAt
}

// confirm sets the terms of an order that is listed when it is already known, by its fills or
// an earlier listing. They tell whether it was filled whole.
func (o *Order) confirm(e Event) {
	o.describe(e)
	o.setTerms(e)
	if o.ListedAt == nil {
		o.ListedAt = new(e.Time)
	}
	if !o.Filled.Known() {
		o.Filled = "0"
	}
	switch {
	case o.complete():
		o.sell(e)
	case o.Status != Closed:
		o.Status = Listing
	case o.Quantity.Known():
		o.Status = Canceled
	}
}

// setTerms sets the terms that a listing has: an announcement can have none.
func (o *Order) setTerms(e Event) {
	if e.Quantity.Known() {
		o.Token, o.Bundle, o.Quantity = e.Token, e.Bundle, e.Quantity
	}
	if e.Price.Known() || len(e.Prices) > 0 {
		o.Price, o.Prices, o.Currency = e.Price, e.Prices, e.Currency
	}
	if e.ExpiresAt != nil {
		o.ExpiresAt = e.ExpiresAt
	}
	signature, parameters := o.Signature, o.Parameters
	if e.Parameters != nil {
		o.Terms = e.Terms
		if parameters != nil && !e.Parameters.Counter.Known() { // a log does not tell it
			o.Parameters = parameters
		}
	}
	o.Signature = cmp.Or(e.Signature, signature)
}

// fill adds a fill. An order that was sold as far as its fills told, and is filled again,
// turns out to have been for more.
func (o *Order) fill(e Event) Ignored {
	inferred := o.Status == Sold && o.ListedAt == nil && o.State == nil
	if inferred {
		o.Status, o.Quantity, o.SoldAt = Partial, "", nil
		e.Partial = true
	}
	return o.ifOpen(e, o.addFill)
}

func (o *Order) addFill(e Event) {
	if !o.hasTerms() {
		o.infer(e)
	}
	o.Taker, o.FilledAt = e.Taker, new(e.Time)
	o.Filled = o.Filled.Plus(e.Quantity)
	o.Paid = o.Paid.Plus(e.Price)
	if !e.Partial && !o.Quantity.Known() {
		o.Quantity = o.Filled
	}
	switch {
	case o.complete(), !e.Partial && !e.Quantity.Known(): // whole, whatever that is
		o.sell(e)
	case !o.Quantity.Known():
		o.Status = Partial
	}
}

// hasTerms says whether the order's listing was seen and said more than that the order exists.
func (o *Order) hasTerms() bool {
	return o.ListedAt != nil && (o.Quantity.Known() || o.Price != o.Paid)
}

// infer takes in what a fill says of an order whose terms are not known. Fills with different
// tokens are of an order for any token of the collection, or of a set in it.
func (o *Order) infer(e Event) {
	o.Price = o.Paid.Plus(e.Price)
	if o.FilledAt == nil {
		o.Prices = e.Prices
		return
	}
	o.Prices = nil
	if e.Token.Collection == o.Token.Collection && e.Token.ID != o.Token.ID {
		o.Token.ID, o.Token.Name, o.Bundle = "", "", nil
	}
}

// complete says whether the order is known to be filled whole.
func (o *Order) complete() bool { return o.Quantity.Known() && o.Filled.Cmp(o.Quantity) >= 0 }

// sell closes the order as filled whole, by its last fill.
func (o *Order) sell(e Event) {
	o.Open = o.State != nil
	o.Status, o.SoldAt, o.CanceledAt = Sold, o.FilledAt, nil
	if o.SoldAt == nil {
		o.SoldAt = new(e.Time)
	}
}

// change sets the terms that the event has. A quantity is what is on offer from now on:
// earlier fills no longer count.
func (o *Order) change(e Event) {
	o.Status = Listing
	if o.ListedAt == nil {
		o.ListedAt = new(e.Time)
	}
	if e.Price.Known() {
		o.Price = e.Price
	}
	if e.Currency != (Currency{}) {
		o.Currency = e.Currency
	}
	if e.Quantity.Known() {
		o.Quantity, o.Filled, o.Paid = e.Quantity, "0", ""
	}
	if e.ExpiresAt != nil {
		o.ExpiresAt = e.ExpiresAt
	}
}

func (o *Order) cancel(e Event) { o.close(Canceled, e) }

// cancelInBulk closes an order that its maker cancelled with all others. A bulk cancel does
// not reach an order that was sold before it.
func (o *Order) cancelInBulk(e Event) {
	if o.Status == Partial {
		o.close(Closed, e)
	} else {
		o.close(Canceled, e)
	}
}

func (o *Order) reject(e Event) { o.close(Rejected, e) }

// close closes an order unfilled.
func (o *Order) close(status Status, e Event) {
	o.Open = o.Status == Partial || o.State != nil
	o.Status, o.CanceledAt = status, new(e.Time)
	if !o.Price.Known() {
		o.Price = e.Price
	}
	if !o.Quantity.Known() {
		o.Quantity = e.Quantity
	}
}

// describe sets the fields that the order does not have yet.
func (o *Order) describe(e Event) {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set((*string)(&o.Side), string(e.Side))
	set(&o.Maker, e.Maker)
	set(&o.Contract, e.Contract)
	set((*string)(&o.Nonce), string(e.Nonce))
	if o.Token == (Token{}) {
		o.Token, o.Bundle = e.Token, e.Bundle
	} else if o.Token.ID != "" && o.Token.ID == e.Token.ID && (o.Token.Collection == "" || o.Token.Collection == e.Token.Collection) {
		set(&o.Token.Collection, e.Token.Collection)
		set(&o.Token.Standard, e.Token.Standard)
		set(&o.Token.Name, e.Token.Name)
	}
	if o.Currency == (Currency{}) {
		o.Currency = e.Currency
	}
}

// derive sets the fields that follow from others.
func (o *Order) derive() {
	o.UnitPrice, o.Remaining = "", ""
	if len(o.Bundle) == 0 {
		o.UnitPrice = o.Price.Over(o.Quantity)
	}
	if !o.Status.Alive() {
		o.Fillable = nil
		return
	}
	o.Open = true
	o.Remaining = o.Quantity.Minus(o.Filled)
}

// FoldOrder is the order that events, in order of position, make. Bulk cancels of its maker
// may be among them; those by nonce also before the order's first event. It returns false if
// none of the events is the order's own: bulk cancels, facts and refusals alone make no order.
func FoldOrder(chain, market, key string, events []Event) (Order, bool) {
	f := NewFolding(chain, market, key)
	for i := range events {
		f.Apply(&events[i])
	}
	return f.Order, f.Exists
}
