package definition

import (
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// marketEvent is the market event that an outcome makes of a raw event's values.
func (b *boundSource) marketEvent(w *workspace, v expression.Values, o *outcome, raw *markets.Raw) (markets.Event, error) {
	f := eventFields{evaluator: w.evaluator, values: v}
	e := markets.Event{
		Kind: o.kind, Side: o.side, Position: raw.Position,
		Order: f.text("order", o.order), Maker: f.text("maker", o.maker), Taker: f.text("taker", o.taker),
		From: f.text("from", o.from), To: f.text("to", o.to),
		Token: markets.Token{
			Collection: f.text("token.collection", o.collection), ID: f.text("token.id", o.id),
			Name: f.text("token.name", o.name), Standard: f.standard(o.standard, b.kind),
		},
		Quantity: f.amount("quantity", o.quantity), Partial: f.flag("partial", o.partial),
		Price: f.amount("price", o.price), Contract: b.account,
		Nonce: f.amount("nonce", o.nonce), Below: f.amount("below", o.below),
	}
	if e.Price.Known() {
		e.Currency = b.currency(&f, "currency", o.currency)
	}
	if o.terms != nil {
		b.setTerms(w, &f, &e, o.terms)
	}
	if t := f.time("expiresAt", o.expiresAt); !t.IsZero() {
		e.ExpiresAt = &t
	}
	e.Time = f.time("time", o.time)
	if b.kind == markets.EVM {
		e.Contract = b.emitter(w, raw)
	}
	if o.contractExpr != nil {
		e.Contract = f.text("contract", o.contractExpr)
	}
	if o.bundle != nil {
		setBundle(&e, f.bundle(o.bundle, b.kind))
	}
	if o.record != nil {
		e.Record = f.record(o.record)
	}
	if o.announced != nil {
		e.Factory, e.Contract = b.factory, f.contract("address", o.announced)
	}
	setImplied(&e, o)
	if f.err == nil && o.order != nil && e.Order == "" {
		f.fail("order", errEmptyKey)
	}
	return e, f.err
}

// denomination is what an amount is in; the zero currency if that is not known.
func (b *boundSource) currency(f *eventFields, field string, c denomination) markets.Currency {
	switch {
	case c.fixed != nil:
		return *c.fixed
	case c.coin:
		return b.coin
	case c.address == nil:
		return markets.Currency{}
	}
	address := f.text(field, c.address)
	if c, ok := b.currencies[address]; ok {
		return c
	}
	return markets.Currency{Address: address}
}

// setBundle makes the first item the event's token. A bundle has at least two.
func setBundle(e *markets.Event, items []markets.Item) {
	if len(items) > 0 {
		e.Token, e.Quantity = items[0].Token, items[0].Quantity
	}
	if len(items) > 1 {
		e.Bundle = items
	}
}

// setImplied sets what follows from other fields: who gave the token to whom in a sale,
// and that there is one unit of a token that is unique.
func setImplied(e *markets.Event, o *outcome) {
	if e.Kind.Sale() {
		giver, receiver := e.Maker, e.Taker
		if e.Side == markets.Bid {
			giver, receiver = e.Taker, e.Maker
		}
		if o.from == nil {
			e.From = giver
		}
		if o.to == nil {
			e.To = receiver
		}
	}
	unique := e.Token.Standard == markets.ERC721 || e.Token.Standard == markets.AptosObject
	if !e.Quantity.Known() && unique && len(e.Bundle) == 0 && (o.id != nil || o.collection != nil) {
		e.Quantity = "1"
	}
}
