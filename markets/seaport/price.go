package seaport

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// price is the sum of each currency; nil if it is unknown.
type price []sum

// sum is an amount of a currency at an order's start and at its end. It saturates at
// 2^256-1.
type sum struct {
	currency   common.Address
	start, end uint256.Int
}

// price is what the order costs its buyer, including fees: the currency of an ask's
// consideration, or of a bid's offer. It is unknown for an ask that wants other tokens.
func (o *order) price() price {
	if o.side() == markets.Ask && len(o.wants()) > 0 {
		return nil
	}
	return total(o.payment())
}

// payment are the items among which is what the order's buyer pays.
func (o *order) payment() []item {
	if o.side() == markets.Ask {
		return o.consideration
	}
	return o.offer
}

// total are the sums of the items that are currency. Without such items it is 0 of the
// chain's own coin.
func total(items []item) price {
	var p price
	for i := range items {
		if it := &items[i]; it.isPayment() {
			p = p.plus(it)
		}
	}
	if p == nil {
		return price{{}}
	}
	return p
}

// isPayment says whether the item is an amount of currency, and not none of it.
func (it *item) isPayment() bool {
	return !it.isToken() && !(it.amount.IsZero() && it.end.IsZero())
}

func (p price) plus(it *item) price {
	i := slices.IndexFunc(p, func(s sum) bool { return s.currency == it.currency() })
	if i < 0 {
		return append(p, sum{it.currency(), it.amount, it.end})
	}
	add(&p[i].start, &it.amount)
	add(&p[i].end, &it.end)
	return p
}

func add(to, n *uint256.Int) {
	if _, overflow := to.AddOverflow(to, n); overflow {
		to.SetAllOne()
	}
}

// setPrice sets the event's price: of an order, or what was paid in a fill.
func (d *decoder) setPrice(e *markets.Event, p price) {
	e.Price, e.Currency, e.EndPrice, e.Prices = "", markets.Currency{}, "", nil
	if len(p) == 1 {
		e.Price, e.Currency = markets.AmountOf(&p[0].start), d.currencies.of(p[0].currency)
		if p[0].start != p[0].end {
			e.EndPrice = markets.AmountOf(&p[0].end)
		}
		return
	}
	for i := range p {
		e.Prices = append(e.Prices, markets.Money{Amount: markets.AmountOf(&p[i].start), Currency: d.currencies.of(p[i].currency)})
	}
}

// fees are the items of a consideration that are paid, in currencies of the payment, to
// others than the parties.
func (d *decoder) fees(consideration, payment []item, parties ...common.Address) (fees []markets.Payment) {
	for i := range consideration {
		it := &consideration[i]
		if !it.isPayment() || slices.Contains(parties, it.recipient) || !has(payment, it.currency()) {
			continue
		}
		if fees == nil {
			fees = make([]markets.Payment, 0, len(consideration)-i)
		}
		fees = append(fees, markets.Payment{
			Receiver: d.names.of(it.recipient),
			Money:    markets.Money{Amount: markets.AmountOf(&it.amount), Currency: d.currencies.of(it.currency())},
		})
	}
	return fees
}

// has says whether any of the items is an amount of the currency.
func has(items []item, currency common.Address) bool {
	return slices.ContainsFunc(items, func(it item) bool { return it.isPayment() && it.currency() == currency })
}
