package explain

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
)

// ErrTooLong means that the order has more than maxEvents events.
var ErrTooLong = errors.New("the order's log is too long to be explained")

// ErrChanging means that no two consecutive readings of the order and its log agreed.
var ErrChanging = errors.New("the order changes faster than it can be read: try again")

const (
	maxEvents   = 10_000 // of an order
	maxReadings = 10
	maxPending  = 4 // transitions in progress: each doubles the number of alternatives
)

// ref identifies an order or a record.
type ref struct {
	persistence.MarketRef
	key    string
	record bool // key is that of a record, type:key
}

// collection returns the collection of the document.
func (o ref) collection() string {
	if o.record {
		return persistence.Records
	}
	return persistence.Orders
}

func (o ref) id() string { return o.Chain + "/" + o.Market + "/" + o.key }

// entry is an event of the log.
type entry struct {
	id    string
	final bool
	event markets.Event
}

func (e entry) step(effect markets.Effect, changes []Change) Step {
	s := Step{
		Activity: e.id, Event: e.event, Final: e.final, Changes: changes,
		Anomaly: effect.Ignored.Anomaly(), Concerns: effect.Ignored.Concerns(), Ignored: effect.Ignored,
	}
	if effect.By != nil {
		s.By = &Cause{Position: effect.By.Position, Transaction: effect.By.Transaction}
	}
	return s
}

// reading is an order or a record and its log, as read from the store.
type reading struct {
	ref       ref
	order     json.RawMessage // the document; nil if none exists
	final     bool
	events    []entry             // by position: its own, and the bulk cancels that can concern it
	observers []persistence.Actor // of the market's streams
	signed    []Signed
}

// readSettled reads an order and its log until two consecutive readings agree, because a
// worker may write concurrently.
func readSettled(ctx context.Context, docs persistence.Querier, o ref) (reading, error) {
	last, err := readOrder(ctx, docs, o)
	for range maxReadings {
		if err != nil {
			return reading{}, err
		}
		var next reading
		if next, err = readOrder(ctx, docs, o); err == nil && next.agrees(last) {
			return next, nil
		}
		last = next
	}
	return reading{}, cmp.Or(err, ErrChanging)
}

// agrees reports whether two readings have the same order, and the same events that the
// order may reflect.
func (r reading) agrees(other reading) bool {
	reflected := func(r reading) (all []string) {
		for seqs := range r.alternatives() {
			for _, e := range r.log(seqs) {
				all = append(all, e.id)
			}
			all = append(all, "")
		}
		return all
	}
	return bytes.Equal(r.order, other.order) && slices.Equal(reflected(r), reflected(other))
}

// readOrder reads an order or a record and its log. The horizons are read first: what is
// final remains final.
func readOrder(ctx context.Context, docs persistence.Querier, o ref) (r reading, err error) {
	r.ref = o
	orders, err := finality.Read(ctx, docs, persistence.Orders)
	if err != nil {
		return r, err
	}
	activities, err := finality.Read(ctx, docs, persistence.Activities)
	if err != nil {
		return r, err
	}
	if r.order, err = o.stored(ctx, docs); err != nil {
		return r, err
	}
	if r.order != nil && !o.record {
		if r.final, err = orders.Final(r.order); err != nil {
			return r, err
		}
	}
	observers := append(o.Documents(), persistence.Equals("kind", "observer"))
	if r.observers, err = persistence.Collect[persistence.Actor](ctx, docs, query(persistence.Actors, observers)); err != nil {
		return r, err
	}
	if err := r.readLog(ctx, docs, &activities); err != nil || o.record {
		return r, err
	}
	return r, r.readSigned(ctx, docs)
}

// stored returns the document; nil if none exists.
func (o ref) stored(ctx context.Context, docs persistence.Querier) (found json.RawMessage, err error) {
	where := append(o.Documents(), persistence.Equals("_id", o.id()))
	if !o.record {
		where = append(where, persistence.Equals("key", o.key))
	}
	for doc, err := range search(ctx, docs, o.collection(), where) {
		if err != nil {
			return nil, err
		}
		found = slices.Clone(doc)
	}
	return found, nil
}

// own matches the activities that name the order or the record.
func (o ref) own() persistence.And {
	if kind, key, ok := strings.Cut(o.key, ":"); ok && o.record {
		return persistence.RecordLog(kind, key)
	}
	return persistence.And{persistence.Equals("order", o.key)}
}

// readLog reads the order's own events, and then the bulk cancels of the makers and nonces
// in them. Whether events are final is not determined if h is nil.
func (r *reading) readLog(ctx context.Context, docs persistence.Querier, h *finality.Horizon) error {
	err := r.readEvents(ctx, docs, h, r.ref.own())
	if err != nil || r.ref.record {
		return err
	}
	own := make([]markets.Event, len(r.events))
	for i, e := range r.events {
		own[i] = e.event
	}
	if len(markets.CancelKeys(own)) == 0 {
		return nil
	}
	return r.readEvents(ctx, docs, h, cancelsOf(own))
}

// cancelsOf matches the bulk cancels with a maker of the events, and with one of their
// nonces or with none: those with a key in markets.CancelKeys.
func cancelsOf(events []markets.Event) persistence.And {
	makers, nonces := persistence.Or{}, persistence.Or{persistence.Not{Condition: persistence.Exists{Path: "nonce"}}}
	for _, e := range events {
		if maker := persistence.Equals("maker", e.Maker); e.Maker != "" && !slices.Contains(makers, persistence.Condition(maker)) {
			makers = append(makers, maker)
		}
		if nonce := persistence.Is("nonce", e.Nonce); e.Nonce.Known() && !slices.Contains(nonces, persistence.Condition(nonce)) {
			nonces = append(nonces, nonce)
		}
	}
	noOrder := persistence.Not{Condition: persistence.Exists{Path: "order"}}
	return persistence.And{persistence.Equals("kind", string(markets.OrdersCancelled)), noOrder, makers, nonces}
}

// readEvents adds the market's events that match where, and sorts all events by position. It
// returns ErrTooLong if there are more than maxEvents.
func (r *reading) readEvents(ctx context.Context, docs persistence.Querier, h *finality.Horizon, where persistence.And) error {
	q := query(persistence.Activities, append(where, r.ref.Documents()...))
	q.Limit = maxEvents + 1
	for doc, err := range docs.Query(ctx, q) {
		if err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		var a documents.Activity
		if err := json.Unmarshal(doc, &a); err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		final := false
		if h != nil {
			if final, err = h.Final(doc); err != nil {
				return fmt.Errorf("reading the log: %w", err)
			}
		}
		a.Raw = nil
		r.events = append(r.events, entry{id: a.ID, final: final, event: a.Event})
		if len(r.events) > maxEvents {
			return fmt.Errorf("%s: %w: it has more than %d events; \"query activities\" prints them", r.ref.id(), ErrTooLong, maxEvents)
		}
	}
	slices.SortFunc(r.events, func(a, b entry) int { return a.event.Position.Compare(b.event.Position) })
	return nil
}

// readSigned reads the documents with which the order was submitted.
func (r *reading) readSigned(ctx context.Context, docs persistence.Querier) error {
	hash, _, _ := strings.Cut(r.ref.key, "@")
	either := persistence.Or{persistence.Equals("order", r.ref.key), persistence.Equals("hash", hash)}
	for doc, err := range search(ctx, docs, persistence.SignedOrders, append(persistence.And{either}, r.ref.Documents()...)) {
		if err != nil {
			return err
		}
		var s signedDocument
		if err := json.Unmarshal(doc, &s); err != nil {
			return fmt.Errorf("reading signed orders: %w", err)
		}
		if s.IsOf(r.ref.key) {
			r.signed = append(r.signed, Signed{ID: s.ID, Contract: s.Contract, SignedAnswer: s.SignedAnswer})
		}
	}
	slices.SortFunc(r.signed, func(a, b Signed) int { return bytes.Compare(a.ID, b.ID) })
	return nil
}

// signedDocument is a document of signed_orders, whose _id can be of any type.
type signedDocument struct {
	ID json.RawMessage `json:"_id"`
	persistence.SignedOrder
}

// alternatives yields the parts of the log that the order may reflect, as the seq of each
// stream: the places of its observers or, for transitions in progress, also their ends.
func (r reading) alternatives() iter.Seq[map[string]int64] {
	seqs := map[string]int64{}
	var pending []persistence.Actor
	for _, a := range r.observers {
		if a.Documents {
			seqs[a.Stream] = a.Seq
		}
		if a.Documents && a.Pending != nil && len(pending) < maxPending {
			pending = append(pending, a)
		}
	}
	return func(yield func(map[string]int64) bool) {
		for choice := range 1 << len(pending) {
			chosen := maps.Clone(seqs)
			for i, a := range pending {
				if choice>>i&1 == 1 {
					chosen[a.Stream] = a.Pending.Seq
				}
			}
			if !yield(chosen) {
				return
			}
		}
	}
}

// unit returns the unit of heights. Only events of EVM chains have a block hash.
func (r reading) unit() string {
	if len(r.events) > 0 && r.events[0].event.Block == "" {
		return "version"
	}
	return "block"
}

// asked reports whether the market's contracts are asked about orders.
func (r reading) asked() bool {
	return slices.ContainsFunc(r.observers, func(a persistence.Actor) bool { return a.Stream == markets.StateStream })
}

// log returns the events up to the executed seqs.
func (r reading) log(executed map[string]int64) (log []entry) {
	for _, e := range r.events {
		if seq, ok := executed[e.event.Stream]; ok && e.event.Seq <= seq {
			log = append(log, e)
		}
	}
	return log
}

// waiting returns the events after the executed seqs.
func (r reading) waiting(executed map[string]int64) (out []Waiting) {
	for _, e := range r.events {
		seq, followed := executed[e.event.Stream]
		if followed && e.event.Seq <= seq {
			continue
		}
		w := Waiting{Activity: e.id, Event: e.event, Final: e.final, Reason: "no observer of orders executes this stream"}
		if followed {
			w.Reason = fmt.Sprintf("the orders are behind the log: they reflect the stream up to %d", seq)
		}
		out = append(out, w)
	}
	return out
}

// streams returns the progress of the market's streams.
func (r reading) streams() []Stream {
	byName := map[string]*Stream{}
	for _, a := range r.observers {
		s := byName[a.Stream]
		if s == nil {
			s = &Stream{Name: a.Stream}
			byName[a.Stream] = s
		}
		if a.Documents {
			s.Orders = new(a.Height())
		} else {
			s.Log = new(a.Height())
		}
	}
	out := []Stream{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	return out
}

func query(collection string, where persistence.Condition) persistence.Query {
	return persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: where}}
}

// search yields the documents of a collection that match a condition.
func search(ctx context.Context, docs persistence.Querier, collection string, where persistence.Condition) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for doc, err := range docs.Query(ctx, query(collection, where)) {
			if err != nil {
				err = fmt.Errorf("reading %s: %w", collection, err)
			}
			if !yield(doc, err) {
				return
			}
		}
	}
}
