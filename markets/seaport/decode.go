package seaport

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

var (
	errContract = errors.New("not a contract of Seaport")
	errTopics   = errors.New("not the topics of this stream's events")
)

// decoder turns logs into market events.
type decoder struct {
	currencies currencies
	contracts  map[common.Address]string // in EIP-55
	names      names
}

func newDecoder(contracts []string, known []markets.Currency) *decoder {
	d := &decoder{currencies: newCurrencies(known), contracts: map[common.Address]string{}}
	for _, c := range contracts {
		d.contracts[common.HexToAddress(c)] = c
	}
	return d
}

// each decodes a transaction's logs one by one. Events without a kind are dropped.
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

// newEvent makes the event of a log, which must have count topics, the first as given.
func (d *decoder) newEvent(raw *markets.Raw, topic common.Hash, count int) (markets.Event, error) {
	contract, ok := d.contracts[raw.Address]
	if !ok {
		return markets.Event{}, fmt.Errorf("%v: %w", common.Address(raw.Address), errContract)
	}
	if len(raw.Topics) != count || raw.Topics[0] != topic {
		return markets.Event{}, errTopics
	}
	return markets.Event{Position: raw.Position, Contract: contract}, nil
}

// listed decodes OrderValidated. Its older form says only that the order exists and who
// made it, and not even its side.
func (d *decoder) listed(raw *markets.Raw) (markets.Event, error) {
	if len(raw.Topics) > 0 && raw.Topics[0] == announcedTopic {
		return d.announced(raw)
	}
	e, err := d.newEvent(raw, validatedTopic, 1)
	if err != nil {
		return e, err
	}
	p, err := validated(raw)
	if err != nil {
		return e, err
	}
	d.list(&e, &p)
	return e, nil
}

func (d *decoder) announced(raw *markets.Raw) (markets.Event, error) {
	e, err := d.newEvent(raw, announcedTopic, 3)
	if err != nil {
		return e, err
	}
	data := abiData{data: raw.Data}
	e.Kind, e.Order, e.Maker, e.Fixed = markets.Listed, Key(e.Contract, data.hash(0)), d.indexed(raw, 1), true
	return e, data.err
}

// cancelled decodes OrderCancelled, which does not say the order's side.
func (d *decoder) cancelled(raw *markets.Raw) (markets.Event, error) {
	e, err := d.newEvent(raw, cancelledTopic, 3)
	if err != nil {
		return e, err
	}
	data := abiData{data: raw.Data}
	e.Kind, e.Order, e.Maker = markets.Delisted, Key(e.Contract, data.hash(0)), d.indexed(raw, 1)
	return e, data.err
}

// cancelledInBulk decodes CounterIncremented. Orders are signed for their maker's counter
// on the contract, so that a new counter cancels all earlier orders.
func (d *decoder) cancelledInBulk(raw *markets.Raw) (markets.Event, error) {
	e, err := d.newEvent(raw, counterTopic, 2)
	if err != nil {
		return e, err
	}
	data := abiData{data: raw.Data}
	data.word(0)
	e.Kind, e.Maker = markets.OrdersCancelled, d.indexed(raw, 1)
	return e, data.err
}

// indexed is the address in a topic.
func (d *decoder) indexed(raw *markets.Raw, i int) string {
	return d.names.of(addressOf(raw.Topics[i][:]))
}

// describe sets the fields of the event that are the order's.
func (d *decoder) describe(e *markets.Event, o *order) {
	e.Order, e.Side, e.Maker = Key(e.Contract, o.hash), o.side(), d.names.of(o.offerer)
	d.setToken(e, o.trades())
	d.setPrice(e, o.price())
}

// setToken sets the token that the event is about, and how many units of it.
func (d *decoder) setToken(e *markets.Event, items []item) {
	var all []markets.Item
	for i := range items {
		if it := &items[i]; it.isToken() {
			all = append(all, markets.Item{Token: d.token(it), Quantity: markets.AmountOf(&it.amount)})
		}
	}
	if len(all) > 0 {
		e.Token, e.Quantity = all[0].Token, all[0].Quantity
	}
	if len(all) > 1 {
		e.Bundle = all
	}
}
