package definition

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// bound is a source at a place.
type bound struct {
	*source
	*place
	contracts map[[20]byte]string // in EIP-55
	known     map[string]markets.Currency
	kind      markets.ChainKind
	typeName  string // Aptos: with the account in front
}

func (d *Definition) bound(src *source, at *place) *bound {
	b := &bound{source: src, place: at, contracts: map[[20]byte]string{}, known: map[string]markets.Currency{}, kind: d.Kind}
	for _, c := range d.currencies {
		b.known[c.Address] = c
	}
	if d.Kind == markets.Aptos {
		b.typeName = qualified(src.home(at.account), src.eventType)
		return b
	}
	b.known[zeroAddress] = at.coin
	addresses, _ := at.addresses(src)
	for _, a := range addresses {
		b.contracts[common.HexToAddress(a)] = a
	}
	return b
}

// decoder decodes a stream's events one by one.
func (d *Definition) decoder(st *stream, at *place) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	var sources []*bound
	for _, src := range st.sources {
		sources = append(sources, d.bound(src, at))
	}
	machines := sync.Pool{New: func() any { return newMachine() }}
	return func(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
		m := machines.Get().(*machine)
		defer machines.Put(m)
		for i := range transaction {
			found, err := decodeRaw(sources, m, &transaction[i])
			if err != nil {
				failures = append(failures, markets.Failure{Raw: transaction[i], Reason: err})
				continue
			}
			events = append(events, found...)
		}
		if d.Kind == markets.Aptos && len(sources) > 1 {
			events = withoutRepeats(transaction, events)
			return withFailures(transaction, events, failures)
		}
		return events, failures
	}
}

// decodeRaw is what all sources make of a raw event.
func decodeRaw(sources []*bound, m *machine, raw *markets.Raw) (events []markets.Event, err error) {
	ours := false
	var mismatch error
	for _, b := range sources {
		switch err := b.match(raw); {
		case errors.Is(err, errOther):
			continue
		case err != nil:
			mismatch = err
			continue
		}
		ours = true
		if events, err = b.decode(m, raw, events); err != nil {
			return nil, err
		}
	}
	if !ours && mismatch != nil {
		return nil, mismatch
	}
	return events, nil
}

// errOther says that a raw event is none of the source.
var errOther = errors.New("another event")

// match says whether a raw event is one of the source: errOther if it is not, another
// error if it should be and is not as declared.
func (b *bound) match(raw *markets.Raw) error {
	if b.kind == markets.Aptos {
		name, _, _ := strings.Cut(raw.Type, "<")
		if strings.Contains(b.eventType, "::") && name != b.typeName {
			return fmt.Errorf("event of type %.200q, not %s", raw.Type, b.typeName)
		}
		return nil
	}
	if len(raw.Topics) == 0 || raw.Topics[0] != b.event.ID {
		return errOther
	}
	if _, ok := b.contracts[raw.Address]; !ok && !b.anyone {
		return errOther
	}
	if len(raw.Topics) != b.event.topics {
		if b.anyone {
			return errOther
		}
		return fmt.Errorf("%s has %d topics and this log has %d: other parameters are indexed, add its event to abi", b.event.RawName, b.event.topics, len(raw.Topics))
	}
	return nil
}

// decode appends what the source makes of one of its raw events.
func (b *bound) decode(m *machine, raw *markets.Raw, events []markets.Event) ([]markets.Event, error) {
	v := values{}
	if err := b.fill(m, v, raw); err != nil {
		return nil, err
	}
	err := b.source.condition.elements(m, v, func() error {
		for _, o := range b.outcomes {
			err := o.condition.elements(m, v, func() error {
				if len(events) >= maxList {
					return errMany
				}
				e, err := b.marketEvent(m, v, o, raw)
				if err != nil {
					return fmt.Errorf("%v: %w", o, err)
				}
				e.Position.Sub = int32(len(events))
				events = append(events, e)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return events, err
}

// elements calls f for each element of the condition's list, or once, when it holds.
func (c *condition) elements(m *machine, v values, f func() error) error {
	if c.each == nil {
		return c.once(m, v, f)
	}
	value, err := m.evaluate(c.each, v)
	if err != nil {
		return fmt.Errorf("for: %w", err)
	}
	list, ok := value.([]any)
	if !ok || len(list) > maxList {
		return fmt.Errorf("for: %T is no list of at most %d elements", value, maxList)
	}
	for i, item := range list {
		v["item"], v["index"] = item, i
		if err := c.once(m, v, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *condition) once(m *machine, v values, f func() error) error {
	if c.when != nil {
		value, err := m.evaluate(c.when, v)
		if err != nil {
			return fmt.Errorf("when: %w", err)
		}
		if holds, ok := value.(bool); !ok || !holds {
			return nil
		}
	}
	return f()
}

// fill sets the values that the source's expressions depend on.
func (b *bound) fill(m *machine, v values, raw *markets.Raw) error {
	if b.kind == markets.Aptos {
		return b.fillAptos(v, raw)
	}
	if len(raw.Data) < b.event.dataSize() {
		return errShort
	}
	if b.used["emitter"] {
		v["emitter"] = b.emitter(m, raw)
	}
	if b.used["coin"] {
		v["coin"] = zeroAddress
	}
	if b.used["moved"] || b.used["paid"] {
		moved, paid := transfers(raw, m.known)
		v["moved"], v["paid"] = moved, paid
	}
	r := evmReader{maxList, m.known}
	for i := range b.fields {
		value, err := b.fields[i].read(raw, &r)
		if err != nil {
			return err
		}
		v[b.fields[i].Name] = value
	}
	return nil
}

// emitter is the contract that logged the event.
func (b *bound) emitter(m *machine, raw *markets.Raw) string {
	if name, ok := b.contracts[raw.Address]; ok {
		return name
	}
	return m.known.of(raw.Address)
}

func (b *bound) fillAptos(v values, raw *markets.Raw) error {
	v["account"] = b.account
	v["sender"] = ""
	if raw.Ledger != nil {
		v["sender"] = raw.Ledger.Sender
	}
	if b.used["collectionOf"] {
		v["collectionOf"] = func(token string) string { collection, _ := describe(token, raw.Ledger); return collection }
	}
	if b.used["nameOf"] {
		v["nameOf"] = func(token string) string { _, name := describe(token, raw.Ledger); return name }
	}
	r := moveReader{left: maxList}
	return r.fields(b.body, raw.JSON, b.used, v)
}

// marketEvent is the market event that an outcome makes of values.
func (b *bound) marketEvent(m *machine, v values, o *outcome, raw *markets.Raw) (markets.Event, error) {
	f := filler{machine: m, values: v}
	e := markets.Event{
		Kind: o.kind, Side: o.side, Position: raw.Position,
		Order: f.text("order", o.order), Maker: f.text("maker", o.maker), Taker: f.text("taker", o.taker),
		From: f.text("from", o.from), To: f.text("to", o.to),
		Token: markets.Token{
			Collection: f.text("token.collection", o.collection), ID: f.text("token.id", o.id),
			Name: f.text("token.name", o.name), Standard: o.standard,
		},
		Quantity: f.amount("quantity", o.quantity), Partial: f.flag("partial", o.partial),
		Price: f.amount("price", o.price), Contract: b.account,
	}
	b.price(&e, &f, o)
	if t := f.time("expiresAt", o.expiresAt); !t.IsZero() {
		e.ExpiresAt = &t
	}
	e.Time = f.time("time", o.time)
	if b.kind == markets.EVM {
		e.Contract = b.emitter(m, raw)
	}
	if o.contractExpr != nil {
		e.Contract = f.text("contract", o.contractExpr)
	}
	if o.bundle != nil {
		f.bundle(&e, o.bundle)
	}
	if o.record != nil {
		e.Record = f.record(o.record)
	}
	complete(&e, o)
	if f.err == nil && o.order != nil && e.Order == "" {
		f.fail("order", errors.New("the key is empty"))
	}
	return e, f.err
}

// price says what the price is in.
func (b *bound) price(e *markets.Event, f *filler, o *outcome) {
	switch {
	case !e.Price.Known():
	case o.fixed != nil:
		e.Currency = *o.fixed
	case o.nativeCoin:
		e.Currency = b.coin
	case o.currency != nil:
		address := f.text("currency", o.currency)
		if c, ok := b.known[address]; ok {
			e.Currency = c
		} else if e.Currency.Address = address; address == aptosCoin.Address {
			e.Currency = aptosCoin
		}
	}
}

// aptosCoin is the coin of Aptos.
var aptosCoin = markets.Currency{Address: "0x1::aptos_coin::AptosCoin", Symbol: "APT", Decimals: 8}

// complete sets what follows from what is set.
func complete(e *markets.Event, o *outcome) {
	if e.Kind.Sale() && o.from == nil && o.to == nil {
		e.From, e.To = e.Maker, e.Taker
		if e.Side == markets.Bid {
			e.From, e.To = e.Taker, e.Maker
		}
	}
	single := e.Token.Standard == markets.ERC721 || e.Token.Standard == markets.AptosObject
	if !e.Quantity.Known() && single && len(e.Bundle) == 0 && (o.id != nil || o.collection != nil) {
		e.Quantity = "1"
	}
}
