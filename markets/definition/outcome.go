package definition

import (
	"fmt"
	"slices"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// unknownSide is the side of an order that the event does not tell.
const unknownSide = "unknown"

// outcome is how a raw event becomes a market event. What is nil is not set.
type outcome struct {
	at        *yamlfile.Node
	condition condition

	kind     markets.Kind
	side     markets.Side
	standard standard

	order, maker, taker, from, to        *expression.Expression
	collection, id, name                 *expression.Expression
	quantity, partial, bundle            *expression.Expression
	price, expiresAt, time, contractExpr *expression.Expression
	announced                            *expression.Expression // the contract that a factory announces
	nonce, below                         *expression.Expression

	currency denomination
	terms    *termsOutcome
	record   *recordOutcome
}

// denomination is what an amount is in: one of the three.
type denomination struct {
	address *expression.Expression
	fixed   *markets.Currency
	coin    bool // the chain's own
}

func (c denomination) isSet() bool { return c.address != nil || c.fixed != nil || c.coin }

// recordOutcome is how a raw event changes a record.
type recordOutcome struct {
	kind        string
	key         *expression.Expression
	fields, add []assignment
}

type assignment struct {
	name  string
	value *expression.Expression
}

func (p *parsing) outcome(n *yamlfile.Node, src *source, sc expression.Scope) *outcome {
	o := &outcome{at: n, kind: markets.Kind(n.Child("kind").Text()), side: markets.Side(n.Child("side").Text())}
	var inner expression.Scope
	o.condition, inner = p.condition(n, src, sc)
	if o.condition.each != nil && src.condition.each != nil {
		n.Add("the source has a for already: only one of the two can")
	}
	read := func(n *yamlfile.Node, key string, want ...expression.Kind) *expression.Expression {
		return p.expression(n.Child(key), src, inner, want...)
	}
	switch o.side {
	case "":
		o.side = o.kind.Side()
	case unknownSide:
		o.side = ""
	}
	o.order = read(n, "order", expression.TextKind, expression.NumberKind)
	o.maker, o.taker = read(n, "maker", expression.TextKind), read(n, "taker", expression.TextKind)
	o.from, o.to = read(n, "from", expression.TextKind), read(n, "to", expression.TextKind)
	t := n.Child("token")
	o.collection, o.id, o.name = read(t, "collection", expression.TextKind), read(t, "id", expression.TextKind, expression.NumberKind), read(t, "name", expression.TextKind)
	o.standard = p.standard(t.Child("standard"), src, inner)
	o.quantity, o.partial, o.bundle = read(n, "quantity", expression.NumberKind), read(n, "partial", expression.BooleanKind), read(n, "bundle", expression.ListKind)
	checkBundle(n.Child("bundle"), o.bundle)
	o.price = read(n, "price", expression.NumberKind)
	o.currency = p.currency(n.Child("currency"), src, inner)
	o.terms = p.terms(n, src, inner, o.condition.each != nil || src.condition.each != nil)
	o.expiresAt, o.time = read(n, "expiresAt", expression.NumberKind, expression.TimeKind), read(n, "time", expression.NumberKind, expression.TimeKind)
	o.contractExpr = read(n, "contract", expression.TextKind)
	o.nonce, o.below = read(n, "nonce", expression.NumberKind), read(n, "below", expression.NumberKind)
	if record := n.Child("record"); record != nil {
		o.record = p.record(record, src, inner)
	}
	o.check()
	return o
}

// currency reads a name of a currency, or an expression for its address.
func (p *parsing) currency(n *yamlfile.Node, src *source, sc expression.Scope) (out denomination) {
	text := n.Text()
	if c, ok := p.currencies[text]; ok {
		if sc.Has(text) {
			n.Add("%s is both a currency and a field of the event: rename the currency", text)
		}
		src.money.name(text)
		return denomination{fixed: &c}
	}
	if text == "coin" && p.Kind == markets.EVM {
		src.money.coin = true
		return denomination{coin: true}
	}
	src.money.any = src.money.any || n != nil
	return denomination{address: p.expression(n, src, sc, expression.TextKind)}
}

func (p *parsing) record(n *yamlfile.Node, src *source, sc expression.Scope) *recordOutcome {
	r := &recordOutcome{kind: n.Child("type").Text(), key: p.expression(n.Child("key"), src, sc, expression.TextKind, expression.NumberKind)}
	if kind := n.Child("type"); kind != nil && (!namePattern.MatchString(r.kind) || r.kind == "maker") {
		kind.Add("%q cannot be the type of a record: small letters, digits and '-', and not maker", r.kind)
	}
	r.fields = p.assignments(n.Child("fields"), src, sc)
	r.add = p.assignments(n.Child("add"), src, sc, expression.NumberKind)
	return r
}

func (p *parsing) assignments(n *yamlfile.Node, src *source, sc expression.Scope, want ...expression.Kind) (out []assignment) {
	for _, n := range n.Children() {
		if e := p.expression(n, src, sc, want...); e != nil {
			out = append(out, assignment{n.Name(), e})
		}
	}
	return out
}

// check reports what an outcome lacks.
func (o *outcome) check() {
	bulk := o.kind == markets.OrdersCancelled
	ofOrder := (o.side != "" || o.at.Has("side")) && !bulk || o.kind == markets.Matched || o.kind == markets.OrderChanged
	switch {
	case o.kind == "":
	case ofOrder && !o.at.Has("order") && !o.at.Has("record"):
		o.at.Add("order is missing: the key that tells the order from others of the market")
	case bulk && !o.at.Has("maker"):
		o.at.Add("maker is missing: whose orders are cancelled")
	case o.below != nil && (o.nonce != nil || !bulk):
		o.at.Child("below").Add("belongs to orders_cancelled, instead of nonce: all orders with a smaller nonce are cancelled")
	case bulk && o.order != nil:
		o.at.Child("order").Add("orders_cancelled is not of one order: use delisted or offer_cancelled, or its nonce")
	case (o.kind == markets.Recorded || o.kind == markets.RecordRemoved) && !o.at.Has("record"):
		o.at.Add("record is missing: its type and key")
	case o.order != nil && o.record != nil:
		o.at.Add("a market event is of an order or of a record: make two of them")
	}
	if opens := o.kind == markets.Listed || o.kind == markets.OfferMade; opens && o.order != nil {
		if o.maker == nil {
			o.at.Warn("has no maker: people will want to know who made the order")
		}
		if o.price == nil && !o.at.Has("prices") {
			o.at.Warn("has no price: people will want to know what the order costs")
		}
	}
	if o.price != nil && !o.at.Has("currency") {
		o.at.Add("currency is missing: what the price is in, such as coin")
	}
	if o.order != nil {
		o.checkKey()
	}
}

// checkKey refuses an order's key that many orders would share.
func (o *outcome) checkKey() {
	n := o.at.Child("order")
	names := o.order.Names()
	switch {
	case len(names) == 0:
		n.Add("the key is the same for all orders: name a field of the event")
	case o.order.Kind() == expression.NumberKind && o.id != nil && o.id.Text() == o.order.Text() && o.collection != nil && len(o.collection.Names()) > 0 && !slices.Equal(o.collection.Names(), []string{"emitter"}):
		n.Add("a token's id alone is not unique: other collections have the same; write something like %s + \"-\" + %s", o.collection.Text(), o.id.Text())
	case len(names) == 1 && o.maker != nil && slices.Equal(names, o.maker.Names()):
		n.Warn("the key is the maker's: each maker has one order at a time, and a new one replaces it")
	}
}

// compareKeys warns of orders that are opened by different events with bare numbers for
// keys: contracts mostly count listings and bids apart, so that a listing and a bid would
// share the key 1.
func (p *parsing) compareKeys() {
	var first *outcome
	var firstSource *source
	for _, st := range p.streams {
		for _, src := range st.sources {
			for _, o := range src.outcomes {
				switch {
				case !o.opensByNumber():
				case first == nil:
					first, firstSource = o, src
				case firstSource.title() != src.title():
					o.at.Warn("its key is a bare number, and so is that of line %d: if the two are counted apart, orders will be mixed up; write something like \"bid-\" + %s", first.at.Line(), o.order.Text())
					return
				}
			}
		}
	}
}

// opensByNumber says whether an outcome opens orders whose key is a number of the event.
func (o *outcome) opensByNumber() bool {
	return o.order != nil && (o.kind == markets.Listed || o.kind == markets.OfferMade) && o.order.Kind() == expression.NumberKind && o.order.IsName()
}

// String names the outcome in messages.
func (o *outcome) String() string { return fmt.Sprintf("%s (line %d)", o.kind, o.at.Line()) }
