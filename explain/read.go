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

// ErrTooLong means that the order has more events than an explanation can have.
var ErrTooLong = errors.New("the order's log is too long to be explained")

// ErrChanging means that the order or its log changed whenever it was read.
var ErrChanging = errors.New("the order changes faster than it can be read: try again")

const (
	maxEvents   = 10_000
	maxReadings = 10
	maxPending  = 4 // streams in the middle of a transition that are told apart
)

// ref names an order.
type ref struct {
	persistence.MarketRef
	key    string
	record bool // it is a record's: type:key
}

// collection is where the document is.
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

// reading is what the data say of an order.
type reading struct {
	ref       ref
	order     json.RawMessage // nil if there is none
	final     bool
	events    []entry             // by position: the order's own, and the bulk cancels that can concern it
	observers []persistence.Actor // of the market's streams
	signed    []Signed
}

// horizons are up to where orders and activities are final.
type horizons struct{ orders, activities finality.Horizon }

// readSettled reads an order and its log until two readings agree: a worker may write
// meanwhile.
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

// agrees says whether two readings have the same order, and the same events that it may have
// taken in.
func (r reading) agrees(other reading) bool {
	taken := func(r reading) (all []string) {
		for seqs := range r.alternatives() {
			for _, e := range r.log(seqs) {
				all = append(all, e.id)
			}
			all = append(all, "")
		}
		return all
	}
	return bytes.Equal(r.order, other.order) && slices.Equal(taken(r), taken(other))
}

// readOrder reads an order, or a record, and its log. What is final is read first: it stays so.
func readOrder(ctx context.Context, docs persistence.Querier, o ref) (r reading, err error) {
	r.ref = o
	var h horizons
	if h.orders, err = finality.Read(ctx, docs, persistence.Orders); err != nil {
		return r, err
	}
	if h.activities, err = finality.Read(ctx, docs, persistence.Activities); err != nil {
		return r, err
	}
	if r.order, err = o.stored(ctx, docs); err != nil {
		return r, err
	}
	if r.order != nil && !o.record {
		if r.final, err = h.orders.Final(r.order); err != nil {
			return r, err
		}
	}
	observers := append(o.Documents(), persistence.Equals("kind", "observer"))
	if r.observers, err = persistence.Collect[persistence.Actor](ctx, docs, query(persistence.Actors, observers)); err != nil {
		return r, err
	}
	if err := r.readLog(ctx, docs, &h.activities); err != nil || o.record {
		return r, err
	}
	return r, r.readSigned(ctx, docs)
}

// stored is the document; nil if there is none.
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

// own matches the activities that are of the document itself.
func (o ref) own() persistence.And {
	if kind, key, ok := strings.Cut(o.key, ":"); ok && o.record {
		return persistence.RecordLog(kind, key)
	}
	return persistence.And{persistence.Equals("order", o.key)}
}

// readLog reads the order's own events, and then the bulk cancels of the makers and nonces that
// they name.
func (r *reading) readLog(ctx context.Context, docs persistence.Querier, h *finality.Horizon) error {
	err := r.readEvents(ctx, docs, h, r.ref.own(), all)
	if err != nil || r.ref.record {
		return err
	}
	own := make([]markets.Event, len(r.events))
	makers, nonces := persistence.Or{}, persistence.Or{persistence.Not{Condition: persistence.Exists{Path: "nonce"}}}
	for i, e := range r.events {
		own[i] = e.event
		if maker := persistence.Equals("maker", e.event.Maker); e.event.Maker != "" && !slices.Contains(makers, persistence.Condition(maker)) {
			makers = append(makers, maker)
		}
		if nonce := persistence.Is("nonce", e.event.Nonce); e.event.Nonce.Known() && !slices.Contains(nonces, persistence.Condition(nonce)) {
			nonces = append(nonces, nonce)
		}
	}
	keys := markets.CancelKeys(own)
	if len(keys) == 0 {
		return nil
	}
	cancels := persistence.And{persistence.Equals("kind", string(markets.OrdersCancelled)), makers, nonces}
	err = r.readEvents(ctx, docs, h, cancels, func(e markets.Event) bool { return slices.Contains(keys, e.Key()) })
	slices.SortFunc(r.events, func(a, b entry) int { return a.event.Position.Compare(b.event.Position) })
	return err
}

func all(markets.Event) bool { return true }

// readEvents reads the events of the market that meet conditions; whether they are final, if a horizon
// is given.
func (r *reading) readEvents(ctx context.Context, docs persistence.Querier, h *finality.Horizon, where persistence.And, is func(markets.Event) bool) error {
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
		if !is(a.Event) {
			continue
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
			return fmt.Errorf("%s: %w: it has more than %d events, which \"query activities\" prints", r.ref.id(), ErrTooLong, maxEvents)
		}
	}
	slices.SortFunc(r.events, func(a, b entry) int { return a.event.Position.Compare(b.event.Position) })
	return nil
}

// readSigned reads the documents by which the order was handed in.
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

// signedDocument is a document of signed_orders, whose key can be of any type.
type signedDocument struct {
	ID json.RawMessage `json:"_id"`
	persistence.SignedOrder
}

// alternatives are what the order may have taken in, as the seq of each stream: where its
// observers are, or where they will be at the end of a transition that is being made.
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

// unit is what heights are of. Events of EVM chains have a block's hash.
func (r reading) unit() string {
	if len(r.events) > 0 && r.events[0].event.Block == "" {
		return "version"
	}
	return "block"
}

// asked says whether the market's contracts are asked about orders.
func (r reading) asked() bool {
	return slices.ContainsFunc(r.observers, func(a persistence.Actor) bool { return a.Stream == markets.StateStream })
}

// log are the events that are executed.
func (r reading) log(executed map[string]int64) (log []entry) {
	for _, e := range r.events {
		if seq, ok := executed[e.event.Stream]; ok && e.event.Seq <= seq {
			log = append(log, e)
		}
	}
	return log
}

// waiting are the events that are not executed.
func (r reading) waiting(executed map[string]int64) (out []Waiting) {
	for _, e := range r.events {
		seq, followed := executed[e.event.Stream]
		if followed && e.event.Seq <= seq {
			continue
		}
		w := Waiting{Activity: e.id, Event: e.event, Final: e.final, Reason: "orders are not made of this stream"}
		if followed {
			w.Reason = fmt.Sprintf("the orders have the stream up to %d: they are behind the log", seq)
		}
		out = append(out, w)
	}
	return out
}

// streams are how far the market's streams are.
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

// search yields the documents of a collection that meet a condition.
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
