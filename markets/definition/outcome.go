package definition

import (
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// outcome is how a raw event becomes a market event. What is nil is not set.
type outcome struct {
	at        node
	condition condition

	kind     markets.Kind
	side     markets.Side
	standard string

	order, maker, taker, from, to        *expression.Expression
	collection, id, name                 *expression.Expression
	quantity, partial, bundle            *expression.Expression
	price, expiresAt, time, contractExpr *expression.Expression

	currency   *expression.Expression
	fixed      *markets.Currency // instead of an expression
	nativeCoin bool              // instead of an expression: the chain's own coin

	record *recordOutcome
}

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

// standards are the standards of tokens on a kind of chain.
var standards = map[markets.ChainKind][]string{
	markets.EVM:   {markets.ERC721, markets.ERC1155},
	markets.Aptos: {markets.AptosObject, markets.AptosTokenV1},
}

func (p *parsing) outcome(s *section, src *source, sc expression.Scope) *outcome {
	o := &outcome{at: s.node}
	var inner expression.Scope
	o.condition, inner = p.condition(s, src, sc)
	if o.condition.each != nil && src.condition.each != nil {
		s.add("the source has a for already: only one of the two can")
	}
	read := func(s *section, key string, want ...expression.Kind) *expression.Expression {
		return p.expression(s, key, src, inner, want...)
	}
	o.kind = readKind(s)
	_, side := s.word("side", string(markets.Ask), string(markets.Bid))
	if o.side = markets.Side(side); side == "" {
		o.side = o.kind.Side()
	}
	o.order = read(s, "order", expression.TextKind, expression.NumberKind)
	o.maker, o.taker = read(s, "maker", expression.TextKind), read(s, "taker", expression.TextKind)
	o.from, o.to = read(s, "from", expression.TextKind), read(s, "to", expression.TextKind)
	if n, ok := s.field("token"); ok {
		t := n.section()
		o.collection, o.id, o.name = read(t, "collection", expression.TextKind), read(t, "id", expression.TextKind, expression.NumberKind), read(t, "name", expression.TextKind)
		_, o.standard = t.word("standard", standards[p.Kind]...)
		t.done()
	}
	o.quantity, o.partial, o.bundle = read(s, "quantity", expression.NumberKind), read(s, "partial", expression.BooleanKind), read(s, "bundle", expression.ListKind)
	o.price = read(s, "price", expression.NumberKind)
	p.currency(s, o, src, inner)
	o.expiresAt, o.time = read(s, "expiresAt", expression.NumberKind, expression.TimeKind), read(s, "time", expression.NumberKind, expression.TimeKind)
	o.contractExpr = read(s, "contract", expression.TextKind)
	if n, ok := s.field("record"); ok {
		o.record = p.record(n.section(), src, inner)
	}
	s.done()
	o.check(s)
	return o
}

func readKind(s *section) markets.Kind {
	var words []string
	for _, k := range markets.Kinds() {
		words = append(words, string(k))
	}
	if _, ok := s.needed("kind", "what happened, such as listed or bought"); !ok {
		return ""
	}
	_, kind := s.word("kind", words...)
	return markets.Kind(kind)
}

// currency reads a name of a currency, or an expression for its address.
func (p *parsing) currency(s *section, o *outcome, src *source, sc expression.Scope) {
	n, text := s.text("currency")
	if text == "" {
		return
	}
	if c, ok := p.currencies[text]; ok {
		if sc.Has(text) {
			n.add("%s is both a currency and a field of the event: rename the currency", text)
		}
		o.fixed = &c
		return
	}
	if text == "coin" && p.Kind == markets.EVM {
		o.nativeCoin = true
		return
	}
	o.currency = p.expression(s, "currency", src, sc, expression.TextKind)
}

func (p *parsing) record(s *section, src *source, sc expression.Scope) *recordOutcome {
	r := &recordOutcome{}
	if n, ok := s.needed("type", "a word, such as gallery"); ok {
		if r.kind = n.text(); !namePattern.MatchString(r.kind) || r.kind == "maker" {
			n.add("%q cannot be the type of a record: small letters, digits and '-', and not maker", r.kind)
		}
	}
	if _, ok := s.needed("key", "what tells it from others of its type"); ok {
		r.key = p.expression(s, "key", src, sc, expression.TextKind, expression.NumberKind)
	}
	r.fields = p.assignments(s, "fields", src, sc)
	r.add = p.assignments(s, "add", src, sc, expression.NumberKind)
	s.done()
	return r
}

func (p *parsing) assignments(s *section, key string, src *source, sc expression.Scope, want ...expression.Kind) (out []assignment) {
	n, ok := s.field(key)
	if !ok {
		return nil
	}
	fields := n.section()
	for _, f := range fields.fields {
		if e := p.expression(fields, f.key, src, sc, want...); e != nil {
			out = append(out, assignment{f.key, e})
		}
	}
	return out
}

// check reports what an outcome lacks.
func (o *outcome) check(s *section) {
	ofOrder := o.side != "" || o.kind == markets.Matched || o.kind == markets.OrderChanged
	switch {
	case o.kind == "":
	case ofOrder && o.order == nil && o.record == nil:
		s.add("order is missing: the key that tells the order from others of the market")
	case o.kind == markets.OrdersCancelled && o.maker == nil:
		s.add("maker is missing: whose orders are cancelled")
	case (o.kind == markets.Recorded || o.kind == markets.RecordRemoved) && o.record == nil:
		s.add("record is missing: its type and key")
	case o.order != nil && o.record != nil:
		s.add("a market event is of an order or of a record: make two of them")
	}
	if opens := o.kind == markets.Listed || o.kind == markets.OfferMade; opens && o.order != nil {
		if o.maker == nil {
			s.warn("has no maker: people will want to know who made the order")
		}
		if o.price == nil {
			s.warn("has no price: people will want to know what the order costs")
		}
	}
	if o.price != nil && o.currency == nil && o.fixed == nil && !o.nativeCoin {
		s.add("currency is missing: what the price is in, such as coin")
	}
	if o.order != nil {
		o.checkKey(s)
	}
}

// checkKey refuses an order's key that many orders would share.
func (o *outcome) checkKey(s *section) {
	n, _ := s.find("order")
	names := o.order.Names()
	switch {
	case len(names) == 0:
		n.add("the key is the same for all orders: name a field of the event")
	case o.order.Kind() == expression.NumberKind && o.id != nil && o.id.Text() == o.order.Text() && o.collection != nil && len(o.collection.Names()) > 0 && !slices.Equal(o.collection.Names(), []string{"emitter"}):
		n.add("a token's id alone is not unique: other collections have the same; write something like %s + \"-\" + %s", o.collection.Text(), o.id.Text())
	case len(names) == 1 && o.maker != nil && slices.Equal(names, o.maker.Names()):
		n.warn("the key is the maker's: each maker has one order at a time, and a new one replaces it")
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
					o.at.warn("its key is a bare number, and so is that of line %d: if the two are counted apart, orders will be mixed up; write something like \"bid-\" + %s", first.at.at.Line, o.order.Text())
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
func (o *outcome) String() string { return fmt.Sprintf("%s (line %d)", o.kind, o.at.at.Line) }
