package definition

import (
	"errors"
	"fmt"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// maxPayments bounds the payments, and the sums of a price, of one market event.
const maxPayments = 100

// maxReceiver bounds a receiver or the address of a currency, in bytes.
const maxReceiver = 1 << 10

var (
	errManyPayments = fmt.Errorf("more than %d payments", maxPayments)
	errLongReceiver = fmt.Errorf("an account of more than %d bytes", maxReceiver)
	errNoReceiver   = errors.New("the receiver is empty")
)

// termsOutcome is what a raw event says of an order's terms. What is nil is not set.
type termsOutcome struct {
	startsAt, endPrice, reservedFor, zone, criteria *expression.Expression
	prices, fees, royalties                         []payment
}

// payment is an amount that somebody receives, or that is a part of a price.
type payment struct {
	condition        condition
	receiver, amount *expression.Expression
	currency         denomination
}

// terms are nil if the outcome has none.
func (p *parsing) terms(n *yamlfile.Node, src *source, sc expression.Scope, looped bool) *termsOutcome {
	read := func(key string, want ...expression.Kind) *expression.Expression {
		return p.expression(n.Child(key), src, sc, want...)
	}
	t := &termsOutcome{
		startsAt: read("startsAt", expression.NumberKind, expression.TimeKind), endPrice: read("endPrice", expression.NumberKind),
		reservedFor: read("reservedFor", expression.TextKind), zone: read("zone", expression.TextKind), criteria: read("criteria", expression.TextKind),
	}
	lists := map[string]*[]payment{"prices": &t.prices, "fees": &t.fees, "royalties": &t.royalties}
	for _, name := range []string{"prices", "fees", "royalties"} {
		for _, item := range n.Child(name).List() {
			*lists[name] = append(*lists[name], p.payment(item, src, sc, looped))
			if name != "prices" && !item.Has("currency") && !n.Has("currency") {
				item.Add("currency is missing: what the amount is in, such as coin")
			}
		}
	}
	switch {
	case len(t.prices) > 0 && n.Has("price"):
		n.Child("prices").Add("price is given too: write one of the two")
	case t.endPrice != nil && !n.Has("price"):
		n.Child("endPrice").Add("price is missing: what it moves from")
	}
	if t.isEmpty() {
		return nil
	}
	return t
}

func (t *termsOutcome) isEmpty() bool {
	return t.startsAt == nil && t.endPrice == nil && t.reservedFor == nil && t.zone == nil && t.criteria == nil &&
		len(t.prices)+len(t.fees)+len(t.royalties) == 0
}

func (p *parsing) payment(n *yamlfile.Node, src *source, sc expression.Scope, looped bool) (out payment) {
	var inner expression.Scope
	out.condition, inner = p.condition(n, src, sc)
	if out.condition.each != nil && looped {
		n.Add("the market event has a for already: only one of the two can")
	}
	out.receiver = p.expression(n.Child("receiver"), src, inner, expression.TextKind)
	out.amount = p.expression(n.Child("amount"), src, inner, expression.NumberKind)
	out.currency = p.currency(n.Child("currency"), src, inner)
	return out
}

// setTerms sets the event's terms, and its price if that is the only one of its prices.
func (b *boundSource) setTerms(w *workspace, f *eventFields, e *markets.Event, t *termsOutcome) {
	if at := f.time("startsAt", t.startsAt); !at.IsZero() {
		e.StartsAt = &at
	}
	e.EndPrice = f.amount("endPrice", t.endPrice)
	e.ReservedFor, e.Zone, e.Criteria = f.text("reservedFor", t.reservedFor), f.text("zone", t.zone), f.text("criteria", t.criteria)
	b.setPrices(w, f, e, t.prices)
	e.Fees = b.payments(w, f, "fees", e.Currency, t.fees)
	e.Royalties = b.payments(w, f, "royalties", e.Currency, t.royalties)
}

// setPrices sets the sum of each currency.
func (b *boundSource) setPrices(w *workspace, f *eventFields, e *markets.Event, list []payment) {
	var sums []markets.Money
	for _, part := range b.payments(w, f, "prices", markets.Currency{}, list) {
		known := false
		for i := range sums {
			if sums[i].Currency == part.Currency {
				known, sums[i].Amount = true, sums[i].Amount.Plus(part.Amount)
			}
		}
		if !known {
			sums = append(sums, part.Money)
		}
	}
	switch len(sums) {
	case 0:
	case 1:
		e.Price, e.Currency = sums[0].Amount, sums[0].Currency
	default:
		e.Prices = sums
	}
}

// payments evaluates a list of payments; those of nothing are left out.
func (b *boundSource) payments(w *workspace, f *eventFields, field string, inherited markets.Currency, list []payment) (out []markets.Payment) {
	for i := range list {
		p := &list[i]
		err := p.condition.forEach(w, f.values, func() error {
			paid := markets.Payment{Receiver: f.text(field+".receiver", p.receiver), Money: markets.Money{Amount: f.amount(field+".amount", p.amount), Currency: inherited}}
			if p.currency.isSet() {
				paid.Currency = b.currency(f, field+".currency", p.currency)
			}
			switch {
			case f.err != nil || paid.Amount == "0":
			case p.receiver != nil && paid.Receiver == "":
				f.fail(field+".receiver", errNoReceiver)
			case len(paid.Receiver) > maxReceiver || len(paid.Currency.Address) > maxReceiver:
				f.fail(field, errLongReceiver)
			case len(out) == maxPayments:
				f.fail(field, errManyPayments)
			default:
				out = append(out, paid)
			}
			return f.err
		})
		if err != nil && f.err == nil {
			f.fail(field, err)
		}
	}
	return out
}
