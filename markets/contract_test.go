package markets

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// contract is a model of Seaport's: orders that are filled by fractions, cancelled, validated,
// and countered out; and the log of what it did.
type contract struct {
	t        *rapid.T
	counters map[string]int // by maker
	orders   []*contracted
	log      []Event
	height   int64
	// disguised: there are orders for several tokens whose fills look whole.
	disguised bool
}

// contracted is an order of the model.
type contracted struct {
	key, maker   string
	side         Side
	divisible    bool // by what its fills show
	size, filled int
	counter      int
	cancelled    bool
	validated    bool
	imported     bool
	first        int64 // the height of its first event; 0 before
}

func (c *contract) open(o *contracted) bool {
	return !o.cancelled && o.filled < o.size && o.counter == c.counters[o.maker]
}

// status is the status of an order, as it is defined: what is filled whole is sold.
func (c *contract) status(o *contracted) Status {
	switch {
	case o.filled == o.size:
		return Sold
	case !c.open(o):
		return Canceled
	}
	return Listing
}

func (c *contract) emit(e Event) {
	e.Position = Position{Height: c.height, Log: int32(len(c.log))}
	e.Seq, e.Time = c.height, time.Unix(c.height, 0).UTC()
	c.log = append(c.log, e)
	for _, o := range c.orders {
		if o.key == e.Order && o.first == 0 {
			o.first = c.height
		}
	}
}

// sign makes an order off chain.
func (c *contract) sign() {
	o := &contracted{key: fmt.Sprint("order", len(c.orders)), maker: rapid.SampledFrom([]string{"ann", "bob"}).Draw(c.t, "maker"), size: 1}
	o.side = rapid.SampledFrom(Sides()).Draw(c.t, "side")
	if o.divisible = o.side == Bid || rapid.Bool().Draw(c.t, "divisible"); o.divisible || c.disguised {
		o.size = rapid.IntRange(1, 4).Draw(c.t, "size")
	}
	o.counter = c.counters[o.maker]
	c.orders = append(c.orders, o)
}

// validate lists an order on chain: with its terms, or, as the first versions did, without.
func (c *contract) validate(o *contracted) {
	if !c.open(o) || o.validated {
		return
	}
	o.validated = true
	c.list(o, rapid.IntRange(0, 3).Draw(c.t, "terms") > 0)
}

// take takes in an order that was signed off chain: one that is open, or whose end was seen.
func (c *contract) take(o *contracted) {
	if !o.imported && (c.open(o) || o.first > 0) {
		o.imported = true
		c.list(o, true)
	}
}

func (c *contract) list(o *contracted, terms bool) {
	e := Event{Kind: Listed, Order: o.key, Maker: o.maker, Fixed: true}
	if terms {
		e.Side, e.Quantity, e.Price = o.side, amount(o.size), amount(10*o.size)
		e.Parameters = &Parameters{Offerer: o.maker}
	}
	c.emit(e)
}

func (c *contract) fill(o *contracted) {
	if !c.open(o) {
		return
	}
	n := rapid.IntRange(1, o.size-o.filled).Draw(c.t, "units")
	o.filled += n
	c.emit(Event{Kind: Matched, Order: o.key, Side: o.side, Maker: o.maker, Taker: "eve", Quantity: amount(n), Price: amount(10 * n), Partial: o.divisible})
}

// cancel cancels an order, even one that is filled.
func (c *contract) cancel(o *contracted) {
	o.cancelled = true
	c.emit(Event{Kind: Delisted, Order: o.key, Maker: o.maker})
}

func (c *contract) raise(maker string) {
	c.counters[maker]++
	c.emit(Event{Kind: OrdersCancelled, Maker: maker})
}

// ask is what the contract says of an order at the end of the block.
func (c *contract) ask(o *contracted) Fact {
	f := Fact{State: &ContractState{Validated: o.validated && !o.cancelled, Cancelled: o.cancelled, Filled: "0", Size: "0"}, Fillable: &Fillability{Answer: Yes}}
	if o.filled > 0 {
		f.State.Filled, f.State.Size = amount(o.filled), amount(o.size)
	}
	if o.counter != c.counters[o.maker] {
		f.Fillable = &Fillability{Answer: No, Reasons: []Reason{CounterRisen}}
	}
	return f
}

func amount(n int) Amount { return Amount(fmt.Sprint(n)) }

// check adds a fact to the log: at the end of a block, perhaps with the state of a later one.
func (c *contract) check(o *contracted, at int64) {
	f := c.ask(o)
	if at < c.height {
		f.State.Height = c.height
	}
	c.log = append(c.log, Event{
		Kind: OrderChecked, Order: o.key, Seq: at, Time: time.Unix(at, 0).UTC(), Fact: &f,
		Position: Position{Height: at, Transaction: math.MaxInt32, Log: int32(len(c.log))},
	})
}

// act does something random in the next block.
func (c *contract) act() {
	c.height++
	if len(c.orders) == 0 || rapid.IntRange(0, 6).Draw(c.t, "sign") == 0 {
		c.sign()
		return
	}
	o := rapid.SampledFrom(c.orders).Draw(c.t, "order")
	switch rapid.IntRange(0, 10).Draw(c.t, "action") {
	case 0, 1, 2, 3:
		c.fill(o)
	case 4, 5:
		c.validate(o)
	case 6:
		c.cancel(o)
	case 7:
		c.raise(o.maker)
	case 8:
		c.take(o)
	default:
		c.check(o, max(1, c.height-rapid.Int64Range(0, 3).Draw(c.t, "back")))
	}
}

func runContract(t *rapid.T, disguised bool) *contract {
	c := &contract{t: t, counters: map[string]int{}, disguised: disguised}
	for range rapid.IntRange(1, 40).Draw(t, "actions") {
		c.act()
	}
	return c
}

// fold is the order of a log.
func (c *contract) fold(log []Event, o *contracted) (Order, bool) {
	var own []Event
	for _, e := range log {
		if e.Order == o.key || e.Kind == OrdersCancelled {
			own = append(own, e)
		}
	}
	slices.SortFunc(own, byPosition)
	return FoldOrder("chain", "market", o.key, own)
}

// Without asking the contract: what is sold, open or cancelled is so in the contract, and
// where the log does not tell, the status says so.
func TestNothingIsAssumed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := runContract(t, false)
		facts := rapid.Bool().Draw(t, "facts")
		log := slices.DeleteFunc(slices.Clone(c.log), func(e Event) bool { return e.Kind == OrderChecked && (!facts || e.Fact.State.Height > 0) })
		for _, o := range c.orders {
			doc, known := c.fold(log, o)
			if !known {
				continue
			}
			is, right := c.status(o), false
			switch doc.Status {
			case Sold, Listing:
				right = is == doc.Status
			case Canceled:
				right = is == Canceled || o.cancelled
			case Partial:
				right = o.filled > 0 && (is == Listing || is == Sold)
			case Closed:
				right = o.filled > 0 && (is == Canceled || is == Sold)
			}
			if !right || doc.Filled.Known() && doc.Filled != amount(o.filled) && !o.cancelled || doc.Quantity.Known() && doc.Quantity != amount(o.size) {
				t.Fatalf("%+v\nis %s, filled %s of %q, in the log\n%s", *o, doc.Status, doc.Filled, doc.Quantity, showLog(log))
			}
		}
	})
}

// Once it is asked, the documents are what the contract says, also of a log that was read only
// from some block on, and of orders that look whole and are not. The answer may be of a later
// block than the fact's own.
func TestOrdersAreWhatTheirContractSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := runContract(t, rapid.Bool().Draw(t, "disguised"))
		from := max(0, rapid.Int64Range(-10, c.height).Draw(t, "from"))
		early := rapid.Bool().Draw(t, "early")
		for _, o := range c.orders {
			at := c.height
			if early && o.first >= from {
				at = rapid.Int64Range(max(1, o.first), c.height).Draw(t, "at")
			}
			c.check(o, at)
			if fact := c.log[len(c.log)-1].Fact; from == 0 && !c.disguised && rapid.Bool().Draw(t, "state alone") {
				fact.Fillable = nil
			}
		}
		log := slices.DeleteFunc(c.log, func(e Event) bool { return e.Position.Height < from })
		for _, o := range c.orders {
			doc, known := c.fold(log, o)
			if !known {
				continue
			}
			listed := doc.ListedAt != nil && doc.Quantity.Known() && doc.Parameters != nil
			if doc.Status != c.status(o) || listed && (doc.Quantity != amount(o.size) || doc.Filled != amount(o.filled)) {
				t.Fatalf("%+v\nis %s, filled %s of %q, in the log from %d on\n%s", *o, doc.Status, doc.Filled, doc.Quantity, from, showLog(log))
			}
		}
	})
}
