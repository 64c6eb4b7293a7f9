package markets

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// nonceContract is a model of a contract that keeps the used nonces of each maker, and the
// smallest that is valid: LooksRare's first.
type nonceContract struct {
	used   map[string]bool // maker/nonce
	least  map[string]int
	orders []*nonceOrder
	log    []Event
}

type nonceOrder struct {
	key, maker string
	nonce      int
	filled     bool
	listed     bool // its log says so; it may have been filled without
	silent     bool // its listing does not tell the nonce
}

func (c *nonceContract) valid(o *nonceOrder) bool {
	return !c.used[fmt.Sprint(o.maker, o.nonce)] && o.nonce >= c.least[o.maker]
}

func (c *nonceContract) emit(e Event) {
	e.Seq = int64(len(c.log) + 1)
	e.Position, e.Time = Position{Height: e.Seq}, time.Unix(e.Seq, 0).UTC()
	c.log = append(c.log, e)
}

func (c *nonceContract) act(t *rapid.T) {
	maker, nonce := rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "maker"), rapid.IntRange(0, 12).Draw(t, "nonce")
	var o *nonceOrder
	if len(c.orders) > 0 {
		o = rapid.SampledFrom(c.orders).Draw(t, "order")
	}
	switch action := rapid.IntRange(0, 7).Draw(t, "action"); {
	case o == nil || action < 2:
		c.orders = append(c.orders, &nonceOrder{key: fmt.Sprint("order", len(c.orders)), maker: maker, nonce: nonce, silent: rapid.Bool().Draw(t, "silent")})
	case action < 4 && !o.listed && !o.filled: // even if its nonce was cancelled
		e := Event{Kind: Listed, Order: o.key, Maker: o.maker, Quantity: "1", Price: "10", Nonce: amount(o.nonce)}
		if o.listed = true; o.silent {
			e.Nonce = ""
		}
		c.emit(e)
	case action < 6 && c.valid(o):
		o.filled, c.used[fmt.Sprint(o.maker, o.nonce)] = true, true
		c.emit(Event{Kind: Bought, Order: o.key, Maker: o.maker, Quantity: "1", Price: "10", Nonce: amount(o.nonce)})
		c.emit(Event{Kind: OrdersCancelled, Maker: o.maker, Nonce: amount(o.nonce)}) // others with it
	case action == 6:
		c.used[fmt.Sprint(maker, nonce)] = true
		c.emit(Event{Kind: OrdersCancelled, Maker: maker, Nonce: amount(nonce)})
	case action == 7 && nonce > c.least[maker]:
		c.least[maker] = nonce
		c.emit(Event{Kind: OrdersCancelled, Maker: maker, Below: amount(nonce)})
	}
}

// Orders are what a contract says that keeps nonces, whichever of an order's listing and the
// cancellation of its nonce comes first.
func TestOrdersOfNonces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &nonceContract{used: map[string]bool{}, least: map[string]int{}}
		for range rapid.IntRange(1, 40).Draw(t, "actions") {
			c.act(t)
		}
		for _, o := range c.orders {
			own := slices.DeleteFunc(slices.Clone(c.log), func(e Event) bool { return e.Order != o.key && e.Kind != OrdersCancelled })
			doc, known := FoldOrder("chain", "market", o.key, own)
			if known != (o.listed || o.filled) {
				t.Fatalf("%+v: known %v", *o, known)
			}
			want := Listing
			switch {
			case !known:
				continue
			case o.filled:
				want = Sold
			case !c.valid(o) && !o.silent:
				want = Canceled
			}
			if doc.Status != want || doc.Anomalies > 0 {
				t.Fatalf("%+v is %s with %d anomalies, want %s, in the log\n%s", *o, doc.Status, doc.Anomalies, want, showLog(own))
			}
		}
	})
}

// The example of the package's text, and what a contract or a side restricts.
func TestCancellationByNonce(t *testing.T) {
	nonce := func(n Amount) Event { return Event{Kind: OrdersCancelled, Maker: "m", Nonce: n} }
	below := func(n Amount) Event { return Event{Kind: OrdersCancelled, Maker: "m", Below: n} }
	with := func(e Event, side Side, contract string) Event {
		e.Side, e.Contract = side, contract
		return e
	}
	list := func(n Amount) Event {
		return Event{Kind: Listed, Order: "a", Side: Ask, Maker: "m", Contract: "c", Quantity: "2", Nonce: n}
	}
	part := Event{Kind: Bought, Order: "a", Maker: "m", Quantity: "1", Partial: true, Nonce: "5"}
	whole := Event{Kind: Bought, Order: "a", Maker: "m", Quantity: "1", Nonce: "5"}
	for name, c := range map[string]struct {
		events []Event
		want   Status
		at     int64 // when it was cancelled
	}{
		"its nonce":                  {[]Event{list("5"), nonce("5")}, Canceled, 2},
		"another nonce":              {[]Event{list("5"), nonce("6")}, Listing, 0},
		"below":                      {[]Event{list("9"), below("10")}, Canceled, 2},
		"not below":                  {[]Event{list("10"), below("10")}, Listing, 0},
		"listed later":               {[]Event{nonce("5"), list("5")}, Canceled, 1},
		"listed later, below":        {[]Event{below("10"), list("5")}, Canceled, 1},
		"listed later, all":          {[]Event{{Kind: OrdersCancelled, Maker: "m"}, list("5")}, Listing, 0},
		"listed with another nonce":  {[]Event{list("5"), nonce("5"), list("6")}, Listing, 0},
		"nonce unknown":              {[]Event{list(""), nonce("5"), below("10")}, Listing, 0},
		"nonce known by a fill":      {[]Event{list(""), part, nonce("5")}, Canceled, 3},
		"a fill that looks whole":    {[]Event{whole, nonce("5")}, Sold, 0},
		"a fill of unknown extent":   {[]Event{part, nonce("5")}, Closed, 2},
		"a fill after it":            {[]Event{nonce("5"), whole}, Sold, 0},
		"another contract":           {[]Event{list("5"), with(nonce("5"), "", "d")}, Listing, 0},
		"another contract, before":   {[]Event{with(nonce("5"), "", "d"), list("5")}, Listing, 0},
		"the same contract and side": {[]Event{list("5"), with(below("6"), Ask, "c")}, Canceled, 2},
		"the other side":             {[]Event{list("5"), with(below("6"), Bid, "c")}, Listing, 0},
		"all of the other side":      {[]Event{list("5"), with(Event{Kind: OrdersCancelled, Maker: "m"}, Bid, "c")}, Listing, 0},
		"another maker's":            {[]Event{list("5"), {Kind: OrdersCancelled, Maker: "n", Nonce: "5"}}, Listing, 0},
	} {
		for i := range c.events {
			c.events[i].Position, c.events[i].Time = Position{Height: int64(i + 1)}, time.Unix(int64(i+1), 0)
		}
		o, _ := FoldOrder("chain", "market", "a", c.events)
		at := int64(0)
		if o.CanceledAt != nil {
			at = o.CanceledAt.Unix()
		}
		if o.Status != c.want || at != c.at || o.Anomalies > 0 {
			t.Errorf("%s: %s at %d, want %s at %d; %d anomalies", name, o.Status, at, c.want, c.at, o.Anomalies)
		}
	}
}
