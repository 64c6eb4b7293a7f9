package storetest

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// model is what a store holds of one chain, as plainly as it can be said.
type model struct {
	epoch   int64
	actors  map[string]persistence.Actor
	orders  map[string]markets.Order // by ID
	records map[string]markets.Record
	log     []markets.Activity
	letters []markets.DeadLetter
	told    []markets.Notification
}

func newModel() *model {
	return &model{actors: map[string]persistence.Actor{}, orders: map[string]markets.Order{}, records: map[string]markets.Record{}}
}

func (m *model) clone() *model {
	return &model{
		epoch: m.epoch, actors: maps.Clone(m.actors), orders: maps.Clone(m.orders), records: maps.Clone(m.records),
		log: slices.Clone(m.log), letters: slices.Clone(m.letters), told: slices.Clone(m.told),
	}
}

func (m *model) takeOver() int64 {
	m.epoch++
	for id, a := range m.actors {
		a.Epoch = m.epoch
		m.actors[id] = a
	}
	return m.epoch
}

func (m *model) claim(c persistence.Claim) (persistence.Actor, error) {
	a, known := m.actors[c.ID]
	if c.Epoch < m.epoch || c.Epoch < a.Epoch {
		return persistence.Actor{}, persistence.ErrFenced
	}
	if !known {
		a.Place = c.Start
	}
	a.ID, a.Kind, a.Chain, a.Market, a.Stream, a.Node, a.Documents = c.ID, c.Kind, c.Chain, c.Market, c.Stream, c.Node, c.Documents
	a.Meaning = a.Under(c.Meaning)
	a.Epoch = c.Epoch
	a.Incarnation++
	a.Restarts += c.Restarts
	a.LastError = cmp.Or(c.LastError, a.LastError)
	m.actors[c.ID] = a
	return a, nil
}

// commit changes the model only if all of it succeeds.
func (m *model) commit(moves []persistence.Move, do func(*model) error) error {
	next := m.clone()
	for _, move := range moves {
		if a, known := m.actors[move.Actor.ID]; !known || a.Ref() != move.Actor || a.Place != move.From {
			return persistence.ErrFenced
		}
	}
	if err := do(next); err != nil {
		return err
	}
	for _, move := range moves {
		a := next.actors[move.Actor.ID]
		if a.Place != move.From {
			return persistence.ErrFenced
		}
		a.Place, a.Pending = move.To, move.Pending
		if move.Trail != nil {
			a.Trail = move.Trail
		}
		a.Events += move.Events
		a.DeadLetters += move.DeadLetters
		move.Report.LastError = cmp.Or(move.Report.LastError, a.LastError)
		if move.Report.Endpoints == nil {
			move.Report.Endpoints = a.Endpoints
		}
		a.Report = move.Report
		next.actors[a.ID] = a
	}
	*m = *next
	return nil
}

func (m *model) report(ref persistence.ActorRef, r persistence.Report) error {
	a := m.actors[ref.ID]
	if a.Ref() != ref {
		return persistence.ErrFenced
	}
	r.LastError = cmp.Or(r.LastError, a.LastError)
	if r.Endpoints == nil {
		r.Endpoints = a.Endpoints
	}
	a.Report = r
	m.actors[ref.ID] = a
	return nil
}

// book is the model seen from within a transaction on a market.
type book struct {
	*model
	market persistence.MarketRef
}

var _ persistence.Tx = book{}

func (b book) ours(chain, market string) bool {
	return b.market == persistence.MarketRef{Chain: chain, Market: market}
}

func (b book) id(key string) string { return b.market.Chain + "/" + b.market.Market + "/" + key }

func (b book) Places() (map[string]int64, error) {
	places := map[string]int64{}
	for _, a := range b.actors {
		if b.ours(a.Chain, a.Market) && a.Documents {
			places[a.Stream] = a.Seq
		}
	}
	return places, nil
}

func (b book) Orders(keys []string) (map[string]markets.Order, error) {
	found := map[string]markets.Order{}
	for _, key := range keys {
		if o, ok := b.orders[b.id(key)]; ok {
			found[key] = o
		}
	}
	return found, nil
}

// OrdersOf orders keys as text; another store may have another order.
func (b book) OrdersOf(maker string, nonce markets.Amount, after string, limit int) (found []markets.Order, _ error) {
	for _, id := range slices.Sorted(maps.Keys(b.orders)) {
		o := b.orders[id]
		if b.ours(o.Chain, o.Market) && o.Maker == maker && (nonce == "" || o.Nonce == nonce) && o.Key > after && len(found) < limit {
			found = append(found, o)
		}
	}
	return found, nil
}

func (b book) Records(keys []string) (map[string]markets.Record, error) {
	found := map[string]markets.Record{}
	for _, key := range keys {
		if r, ok := b.records[b.id(key)]; ok {
			found[key] = r
		}
	}
	return found, nil
}

func (b book) Log(keys []string) (found []markets.Event, _ error) {
	for _, a := range b.log {
		if b.ours(a.Chain, a.Market) && slices.Contains(keys, a.Key()) {
			found = append(found, a.Event)
		}
	}
	return found, nil
}

func (b book) LogBetween(stream string, after, through int64, from markets.Position, limit int) (found []markets.Event, _ error) {
	for _, a := range b.log {
		if b.ours(a.Chain, a.Market) && a.Stream == stream && a.Seq > after && a.Seq <= through && a.Position.After(from) {
			found = append(found, a.Event)
		}
	}
	found = byPosition(found)
	return found[:min(len(found), limit)], nil
}

func (b book) BulkCancels() (bool, error) {
	return slices.ContainsFunc(b.log, func(a markets.Activity) bool {
		return b.ours(a.Chain, a.Market) && a.Kind == markets.OrdersCancelled
	}), nil
}

func (b book) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		b.orders[o.ID()] = o
	}
	return nil
}

func (b book) DeleteOrders(keys []string) error {
	for _, key := range keys {
		delete(b.orders, b.id(key))
	}
	return nil
}

func (b book) PutRecords(records []markets.Record) error {
	for _, r := range records {
		b.records[r.ID()] = r
	}
	return nil
}

func (b book) DeleteRecords(keys []string) error {
	for _, key := range keys {
		delete(b.records, b.id(key))
	}
	return nil
}

// HandedIn finds nothing: the model has no signed orders.
func (b book) HandedIn([]string) (map[string]bool, error) { return map[string]bool{}, nil }

func (b book) Append(activities []markets.Activity, letters []markets.DeadLetter) error {
	b.log = append(b.log, activities...)
	b.letters = append(b.letters, letters...)
	return nil
}

func (b book) Notify(notifications []markets.Notification) error {
	b.told = append(b.told, notifications...)
	return nil
}

func (b book) Truncate(stream string, after int64, limit int) (activities, letters int, _ error) {
	for range limit {
		event, letter := -1, -1
		for i, a := range b.log {
			if b.ours(a.Chain, a.Market) && a.Stream == stream && a.Seq > after && (event < 0 || a.Position.After(b.log[event].Position)) {
				event = i
			}
		}
		for i, d := range b.letters {
			if b.ours(d.Chain, d.Market) && d.Stream == stream && d.Seq > after && (letter < 0 || d.Position.After(b.letters[letter].Position)) {
				letter = i
			}
		}
		switch {
		case event < 0 && letter < 0:
			return activities, letters, nil
		case letter < 0 || event >= 0 && b.log[event].Position.After(b.letters[letter].Position):
			gone := b.log[event].ID()
			b.told = slices.DeleteFunc(b.told, func(n markets.Notification) bool { return n.Activity == gone })
			b.log = slices.Delete(b.log, event, event+1)
			activities++
		default:
			b.letters = slices.Delete(b.letters, letter, letter+1)
			letters++
		}
	}
	return activities, letters, nil
}

func (b book) RemoveDeadLetter(id string) (bool, error) {
	i := slices.IndexFunc(b.letters, func(d markets.DeadLetter) bool { return d.ID() == id })
	if i < 0 {
		return false, nil
	}
	b.letters = slices.Delete(b.letters, i, i+1)
	return true, nil
}

// errMine is what a transaction of the property test fails with.
var errMine = errors.New("mine")
