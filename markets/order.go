package markets

import "time"

// Status is the state of an order.
type Status string

// The statuses of an order. "Expired" is not one: it is computed from ExpiresAt when an
// order is read.
const (
	Listing  Status = "LISTING"
	Partial  Status = "PARTIAL" // filled in part, of a quantity that the chain does not tell
	Sold     Status = "SOLD"
	Canceled Status = "CANCELED"
	Rejected Status = "REJECTED"
)

// Statuses are all statuses of an order.
func Statuses() []Status { return []Status{Listing, Partial, Sold, Canceled, Rejected} }

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

	// ListedAt is the time of the first change of an order whose listing was not seen.
	ListedAt   *time.Time `json:"listedAt,omitempty" bson:"listedAt,omitempty"`
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
func (o *Order) Apply(e Event) bool {
	if e.Kind == OrdersCancelled {
		if !o.Status.Alive() || !o.reachedBy(e) {
			return false
		}
		o.cancel(e)
		o.Last = e.Position
		return true
	}
	switch e.Kind {
	case Listed, OfferMade:
		o.open(e)
	case Bought, OfferAccepted, Matched:
		o.ifOpen(e, o.fill)
	case Delisted, OfferCancelled:
		o.ifOpen(e, o.cancel)
	case OfferRejected:
		o.ifOpen(e, o.reject)
	case OrderChanged:
		o.ifOpen(e, o.change)
	default:
		o.Anomalies++
	}
	o.Last = e.Position
	return true
}

// reachedBy says whether a bulk cancel is of the order's maker and contract.
func (o *Order) reachedBy(e Event) bool {
	return e.Maker == o.Maker && (e.Contract == "" || o.Contract == "" || e.Contract == o.Contract)
}

// ifOpen applies an event to an order that can still be filled, or is not known yet.
func (o *Order) ifOpen(e Event, apply func(Event)) {
	if o.Status != "" && !o.Status.Alive() {
		o.Anomalies++
		return
	}
	o.describe(e)
	apply(e)
}

// open starts the order over with the event's terms: a listing replaces what was before.
func (o *Order) open(e Event) {
	*o = Order{Chain: o.Chain, Market: o.Market, Key: o.Key, First: o.First}
	o.describe(e)
	o.Status = Listing
	o.Quantity, o.Price, o.Filled = e.Quantity, e.Price, "0"
	o.ListedAt, o.ExpiresAt = new(e.Time), e.ExpiresAt
}

func (o *Order) fill(e Event) {
	priced := o.ListedAt != nil
	o.Taker = e.Taker
	o.Filled = o.Filled.Plus(e.Quantity)
	o.Paid = o.Paid.Plus(e.Price)
	if !priced {
		o.Price = o.Paid
	}
	if !e.Partial && !o.Quantity.Known() {
		o.Quantity = o.Filled
	}
	switch {
	case o.Quantity.Known() && o.Filled.Cmp(o.Quantity) >= 0:
		o.Status, o.SoldAt = Sold, new(e.Time)
	case !e.Partial && !e.Quantity.Known(): // whole, whatever that is
		o.Status, o.SoldAt = Sold, new(e.Time)
	case o.Status == "":
		o.Status = Partial
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

func (o *Order) reject(e Event) { o.close(Rejected, e) }

// close closes an order unfilled.
func (o *Order) close(status Status, e Event) {
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
	if o.Token == (Token{}) {
		o.Token, o.Bundle = e.Token, e.Bundle
	}
	if o.Currency == (Currency{}) {
		o.Currency = e.Currency
	}
}

// FoldOrder is the order that events, in order of position, make. Bulk cancels of its maker
// may be among them. It returns false if none of the events is the order's own: a bulk
// cancel alone makes no order.
func FoldOrder(chain, market, key string, events []Event) (Order, bool) {
	o := Order{Chain: chain, Market: market, Key: key}
	exists := false
	for _, e := range events {
		if e.Order != key && !exists {
			continue
		}
		if !exists {
			exists, o.First = true, e.Position
		}
		o.Apply(e)
	}
	return o, exists
}
