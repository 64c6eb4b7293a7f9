package seaporttest

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Fill says what of an order is to be filled.
type Fill struct {
	Order *Order
	// Units of Order.Units; 0 fills all that remain.
	Units int64
	// Identifier is the token given for the order's criteria, if it has some.
	Identifier string
}

// Validate lets the maker declare orders valid on chain. If the maker's counter is no
// longer theirs, other orders become valid: with the same parameters and the new counter.
func (w *World) Validate(orders ...*Order) error {
	w.t.Helper()
	return w.act("validate", orders[0].Parameters.Offerer, map[string]any{"orders": orders})
}

// Cancel lets the maker cancel orders on chain.
func (w *World) Cancel(orders ...*Order) error {
	w.t.Helper()
	return w.act("cancel", orders[0].Parameters.Offerer, map[string]any{"orders": orders})
}

// CancelElsewhere lets the maker cancel orders on the other Seaport, where they have the
// same hashes. On Seaport itself nothing changes.
func (w *World) CancelElsewhere(orders ...*Order) error {
	w.t.Helper()
	maker := orders[0].Parameters.Offerer
	tx, err := w.build("cancel", maker, map[string]any{"orders": orders})
	if err != nil {
		return err
	}
	return w.send(maker, w.Other, tx.Data, nil)
}

// BulkCancel cancels all of a maker's orders by the next counter.
func (w *World) BulkCancel(maker common.Address) error {
	w.t.Helper()
	return w.act("bulkCancel", maker, map[string]any{})
}

// Fulfill fills an order, with the function of Seaport that seaport-js chooses. Money and
// tokens of the taker move through the conduit.
func (w *World) Fulfill(taker common.Address, fill Fill) error {
	w.t.Helper()
	return w.act("fulfill", taker, map[string]any{"conduitKey": w.ConduitKey, "fills": []any{fill.request()}})
}

// FulfillJSON fills an order of which nothing is known but its OrderComponents, in JSON, and
// its signature.
func (w *World) FulfillJSON(taker common.Address, parameters json.RawMessage, signature []byte) error {
	w.t.Helper()
	order := map[string]any{"parameters": parameters, "signature": hexutil.Bytes(signature)}
	return w.act("fulfill", taker, map[string]any{"conduitKey": w.ConduitKey, "fills": []any{map[string]any{"order": order}}})
}

// FulfillAvailable fills as many of the orders as can be filled.
func (w *World) FulfillAvailable(taker common.Address, fills ...Fill) error {
	w.t.Helper()
	var requests []any
	for _, fill := range fills {
		requests = append(requests, fill.request())
	}
	return w.act("fulfillAvailable", taker, map[string]any{"conduitKey": w.ConduitKey, "fills": requests})
}

func (f Fill) request() map[string]any {
	request := map[string]any{"order": f.Order}
	if f.Units != 0 {
		request["units"] = fmt.Sprint(f.Units)
	}
	if f.Identifier != "" {
		request["criteria"] = f.criterion()
	}
	return request
}

// criterion returns the proof of f.Identifier, empty for a whole collection.
func (f Fill) criterion() Criterion {
	for _, c := range f.Order.Criteria {
		if c.Identifier == f.Identifier {
			return c
		}
	}
	return Criterion{f.Identifier, []common.Hash{}}
}

// Match fills a private listing: it is matched with an order of the taker's that offers the
// money and wants nothing, as OpenSea does it.
func (w *World) Match(taker common.Address, listing *Order) error {
	w.t.Helper()
	input := Input{Consideration: []InputItem{}, ConduitKey: w.ConduitKey}
	type component struct {
		OrderIndex int `json:"orderIndex"`
		ItemIndex  int `json:"itemIndex"`
	}
	type fulfillment struct {
		Offer         []component `json:"offerComponents"`
		Consideration []component `json:"considerationComponents"`
	}
	var fulfillments []fulfillment
	value := new(big.Int)
	for i, item := range listing.Parameters.Consideration {
		if item.ItemType > ERC20 {
			fulfillments = append(fulfillments, fulfillment{[]component{{0, 0}}, []component{{0, i}}})
			continue
		}
		fulfillments = append(fulfillments, fulfillment{[]component{{1, len(input.Offer)}}, []component{{0, i}}})
		input.Offer = append(input.Offer, InputItem{Token: item.Token, Amount: item.StartAmount, EndAmount: item.EndAmount})
		if item.ItemType == Native {
			value.Add(value, number(item.StartAmount))
		}
	}
	counter := w.Create(Counter, taker, input)
	counter.Signature = nil // not needed of the account that sends the transaction
	return w.act("match", taker, map[string]any{
		"orders": []*Order{listing, counter}, "fulfillments": fulfillments, "value": value.String(),
	})
}

// built is a transaction that seaport-js has built.
type built struct {
	To    common.Address
	Data  hexutil.Bytes
	Value *hexutil.Big
}

func (w *World) build(name string, account common.Address, request map[string]any) (tx built, err error) {
	w.t.Helper()
	request["account"] = account
	if err := w.script.do(name, request, &tx); err != nil {
		return built{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return tx, nil
}

// act sends a transaction that seaport-js has built.
func (w *World) act(name string, account common.Address, request map[string]any) error {
	w.t.Helper()
	tx, err := w.build(name, account, request)
	if err != nil {
		return err
	}
	if err := w.send(account, tx.To, tx.Data, (*big.Int)(tx.Value)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
