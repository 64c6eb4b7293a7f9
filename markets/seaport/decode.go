package seaport

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

var (
	errContract = errors.New("not a contract of Seaport")
	errTopics   = errors.New("not the topics of this stream's events")
)

// decoder turns logs into market events.
type decoder struct {
	currencies currencies
	names      map[common.Address]string // of the contracts, in EIP-55
}

func newDecoder(contracts []string, coin markets.Currency) *decoder {
	d := &decoder{currencies: newCurrencies(coin), names: map[common.Address]string{}}
	for _, c := range contracts {
		d.names[common.HexToAddress(c)] = c
	}
	return d
}

// each decodes a transaction's logs one by one. An event without a kind is none.
func (d *decoder) each(decode func(*markets.Raw) (markets.Event, error)) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	return func(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
		for i := range transaction {
			e, err := decode(&transaction[i])
			switch {
			case err != nil:
				failures = append(failures, markets.Failure{Raw: transaction[i], Reason: err})
			case e.Kind != "":
				events = append(events, e)
			}
		}
		return events, failures
	}
}

// event begins the event of a log: one with count topics, the first as given.
func (d *decoder) event(raw *markets.Raw, topic common.Hash, count int) (markets.Event, error) {
	contract, ok := d.names[raw.Address]
	if !ok {
		return markets.Event{}, fmt.Errorf("%v: %w", common.Address(raw.Address), errContract)
	}
	if len(raw.Topics) != count || raw.Topics[0] != topic {
		return markets.Event{}, errTopics
	}
	return markets.Event{Position: raw.Position, Contract: contract}, nil
}

// listed decodes OrderValidated. Its older form tells only that the order exists
// and whose it is, and not even its side.
func (d *decoder) listed(raw *markets.Raw) (markets.Event, error) {
	if len(raw.Topics) > 0 && raw.Topics[0] == announcedTopic {
		return d.announced(raw)
	}
	e, err := d.event(raw, validatedTopic, 1)
	if err != nil {
		return e, err
	}
	o, end, err := d.validated(raw)
	if err != nil {
		return e, err
	}
	switch o.side() {
	case markets.Ask:
		e.Kind = markets.Listed
	case markets.Bid:
		e.Kind = markets.OfferMade
	}
	d.describe(&e, &o)
	e.ExpiresAt = expiry(end)
	return e, nil
}

// validated reads an order and the time of its end. Amounts are those at its
// start: they may change until then.
func (d *decoder) validated(raw *markets.Raw) (o order, end uint256.Int, err error) {
	data := words{data: raw.Data}
	hash, parameters := data.hash(0), data.tail(1)
	o = order{
		hash:          hash,
		offerer:       parameters.address(0),
		offer:         parameters.items(2, 5, false),
		consideration: parameters.items(3, 6, true),
	}
	end = parameters.number(6)
	return o, end, parameters.err
}

func (d *decoder) announced(raw *markets.Raw) (markets.Event, error) {
	e, err := d.event(raw, announcedTopic, 3)
	if err != nil {
		return e, err
	}
	data := words{data: raw.Data}
	e.Kind, e.Order, e.Maker = markets.Listed, data.hash(0).Hex(), indexed(raw, 1)
	return e, data.err
}

// cancelled decodes OrderCancelled, which does not tell the order's side.
func (d *decoder) cancelled(raw *markets.Raw) (markets.Event, error) {
	e, err := d.event(raw, cancelledTopic, 3)
	if err != nil {
		return e, err
	}
	data := words{data: raw.Data}
	e.Kind, e.Order, e.Maker = markets.Delisted, data.hash(0).Hex(), indexed(raw, 1)
	return e, data.err
}

// cancelledInBulk decodes CounterIncremented: orders are signed for their maker's
// counter, so that a new counter cancels all earlier ones on the contract.
func (d *decoder) cancelledInBulk(raw *markets.Raw) (markets.Event, error) {
	e, err := d.event(raw, counterTopic, 2)
	if err != nil {
		return e, err
	}
	data := words{data: raw.Data}
	data.word(0)
	e.Kind, e.Maker = markets.OrdersCancelled, indexed(raw, 1)
	return e, data.err
}

// indexed is the address in a topic.
func indexed(raw *markets.Raw, i int) string { return addressOf(raw.Topics[i][:]).Hex() }

// describe says in the event what the order is about.
func (d *decoder) describe(e *markets.Event, o *order) {
	e.Order, e.Side, e.Maker = o.hash.Hex(), o.side(), o.offerer.Hex()
	d.setToken(e, o.trades())
	d.setPrice(e, o.price())
}

func (d *decoder) setPrice(e *markets.Event, p price) {
	e.Price, e.Currency = "", markets.Currency{}
	if p.known {
		e.Price, e.Currency = markets.AmountOf(&p.amount), d.currencies.of(p.currency)
	}
}

// setToken says which token the event is about, and how much of it.
func (d *decoder) setToken(e *markets.Event, items []item) {
	var all []markets.Item
	for i := range items {
		if it := &items[i]; it.isToken() {
			all = append(all, markets.Item{Token: it.token(), Quantity: markets.AmountOf(&it.amount)})
		}
	}
	if len(all) > 0 {
		e.Token, e.Quantity = all[0].Token, all[0].Quantity
	}
	if len(all) > 1 {
		e.Bundle = all
	}
}

// maxTime is the last second that a date of four digits can say. Orders without
// end have times beyond it.
const maxTime = 253402300799

// expiry is the time at which an order ends, nil if it never does.
func expiry(seconds uint256.Int) *time.Time {
	if !seconds.IsUint64() || seconds.Uint64() > maxTime {
		return nil
	}
	t := time.Unix(int64(seconds.Uint64()), 0).UTC()
	return &t
}
