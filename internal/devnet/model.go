package devnet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// MarketName is the market on all chains.
const MarketName = "seaport"

// Model computes the expected documents of a chain: a plain fold of the canonical
// chain's events, independent of the event worker's implementation.
type Model struct {
	Chain  *Chain
	Market markets.Market
}

// NewModel returns the model of a chain.
func NewModel(c *Chain) (Model, error) {
	m, err := catalogue.Market(MarketName, definition.Site{})
	return Model{c, m}, err
}

// Contents are JSON documents by collection and key.
type Contents map[string]map[string]string

// Put adds a document, whose key must be new.
func (d Contents) Put(collection, id string, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if d[collection] == nil {
		d[collection] = map[string]string{}
	}
	if _, twice := d[collection][id]; twice {
		return fmt.Errorf("%s %s exists twice", collection, id)
	}
	d[collection][id] = string(text)
	return nil
}

// Read reads the documents of a store that a Model covers.
func Read(ctx context.Context, store persistence.Querier) (Contents, error) {
	docs := Contents{}
	for _, collection := range Collections {
		for text, err := range store.Query(ctx, persistence.Query{Collection: collection}) {
			var key struct {
				ID string `json:"_id"`
			}
			if err == nil {
				err = json.Unmarshal(text, &key)
			}
			if err == nil {
				err = docs.Put(collection, key.ID, text)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return docs, nil
}

// Documents adds the documents of the canonical chain.
func (m Model) Documents(to Contents) error {
	var events []markets.Event
	blocks := m.Chain.Blocks()
	for _, s := range m.Market.Streams {
		raws := RawsOf(s.Source, blocks)
		es, failures := s.DecodeAll(raws)
		events = append(events, es...)
		for _, f := range failures {
			deadLetter, err := m.deadLetter(s, f)
			if err != nil {
				return err
			}
			if err := to.Put(persistence.DeadLetters, deadLetter.ID(), documents.OfDeadLetter(deadLetter)); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	for _, e := range events {
		a := markets.Activity{Chain: m.Chain.Name, Market: m.Market.Name, Event: e}
		if err := to.Put(persistence.Activities, a.ID(), documents.OfActivity(a)); err != nil {
			return err
		}
	}
	return m.orders(events, to)
}

func (m Model) deadLetter(s markets.Stream, f markets.Failure) (markets.DeadLetter, error) {
	raw, err := json.Marshal(f.Transaction)
	return markets.DeadLetter{
		Chain: m.Chain.Name, Market: m.Market.Name, Stream: s.Name, Seq: f.Raw.Seq, Position: f.Raw.Position,
		Block: f.Raw.Block, Transaction: f.Raw.Transaction, Time: f.Raw.Time, Reason: f.Reason.Error(), Raw: raw,
	}, err
}

// orders folds the events into orders: each from its own events and the bulk cancels.
func (m Model) orders(events []markets.Event, to Contents) error {
	concerned := map[string][]markets.Event{}
	var bulks []markets.Event
	for _, e := range events {
		switch {
		case e.Order != "":
			concerned[e.Order] = append(concerned[e.Order], e)
		case e.Kind == markets.OrdersCancelled:
			bulks = append(bulks, e)
		}
	}
	for key, own := range concerned {
		all := append(slices.Clone(own), bulks...)
		slices.SortFunc(all, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
		if order, born := markets.FoldOrder(m.Chain.Name, m.Market.Name, key, all); born {
			if err := to.Put(persistence.Orders, order.ID(), documents.OfOrder(order)); err != nil {
				return err
			}
		}
	}
	return nil
}
