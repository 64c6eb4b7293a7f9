package explain

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Key identifies an order or a record of a market.
type Key struct {
	Key    string
	Record bool // the key of a record, type:key
}

// KeyOf returns the key of the document that an event creates or changes. It returns false
// for events that do not belong to a single document.
func KeyOf(e markets.Event) (Key, bool) {
	switch {
	case e.Kind == markets.SignedRefused:
		return Key{}, false
	case e.Order != "":
		return Key{Key: e.Order}, true
	case e.Kind == markets.OrdersCancelled || e.Record == nil:
		return Key{}, false
	}
	return Key{markets.RecordKey(e.Record.Type, e.Record.Key), true}, true
}

// Check is the result of comparing a document with the fold of its log.
type Check struct {
	Exists bool // the document is stored
	Made   bool // the fold of the log yields the document
	// Changes are the fields that differ: From is the stored value, To the folded one.
	Changes []Change
	// Last is the position of the last event of the log that the document reflects. If the
	// log yields no document, it is the position that the stored document names.
	Last markets.Position
}

// Agrees reports whether the document equals the fold of its log, or neither exists.
func (c Check) Agrees() bool { return len(c.Changes) == 0 }

// maxCancels is the maximum number of bulk cancels of a market that a Checker caches.
const maxCancels = 50_000

// Checker compares many documents of a market with their log. Look and Settled may be
// called concurrently, but not concurrently with Refresh.
type Checker struct {
	docs      persistence.Querier
	market    persistence.MarketRef
	observers []persistence.Actor
	cancels   map[string][]entry // by key; nil if there are too many to cache
}

// NewChecker returns a Checker for a market. It reads the market's bulk cancels. Refresh
// must be called before the first comparison.
func NewChecker(ctx context.Context, docs persistence.Querier, market persistence.MarketRef) (*Checker, error) {
	c := &Checker{docs: docs, market: market, cancels: map[string][]entry{}}
	q := query(persistence.Activities, append(market.Documents(), persistence.Equals("kind", string(markets.OrdersCancelled))))
	q.Limit = maxCancels + 1
	n := 0
	for doc, err := range docs.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		var a documents.Activity
		if err := json.Unmarshal(doc, &a); err != nil {
			return nil, err
		}
		a.Raw = nil
		if a.Order == "" {
			c.cancels[a.Key()] = append(c.cancels[a.Key()], entry{event: a.Event})
		}
		if n++; n > maxCancels {
			c.cancels = nil
			break
		}
	}
	return c, nil
}

// Refresh rereads the places of the market's observers.
func (c *Checker) Refresh(ctx context.Context) (err error) {
	c.observers, err = persistence.Collect[persistence.Actor](ctx, c.docs, query(persistence.Actors, append(c.market.Documents(), persistence.Equals("kind", "observer"))))
	return err
}

// Look compares a document with its log, reading each of them once. If the worker writes
// concurrently, it may find differences that do not exist; Settled confirms them. It
// returns ErrTooLong if the log has too many events.
func (c *Checker) Look(ctx context.Context, k Key) (Check, error) {
	r := reading{ref: c.ref(k), observers: c.observers}
	var err error
	if r.order, err = r.ref.stored(ctx, c.docs); err != nil {
		return Check{}, err
	}
	if c.cancels == nil {
		err = r.readLog(ctx, c.docs, nil)
	} else if err = r.readEvents(ctx, c.docs, nil, r.ref.own()); err == nil && len(c.cancels) > 0 && !k.Record {
		r.addCancels(c.cancels)
	}
	if err != nil {
		return Check{}, err
	}
	return r.check()
}

// Settled compares a document with its log in a consistent state of both. It returns
// ErrTooLong if the log has too many events, and ErrChanging if no consistent state could
// be read.
func (c *Checker) Settled(ctx context.Context, k Key) (Check, error) {
	r, err := readSettled(ctx, c.docs, c.ref(k))
	if err != nil {
		return Check{}, err
	}
	return r.check()
}

func (c *Checker) ref(k Key) ref { return ref{MarketRef: c.market, key: k.Key, record: k.Record} }

// addCancels adds the cached bulk cancels that can concern the order.
func (r *reading) addCancels(cancels map[string][]entry) {
	own := make([]markets.Event, len(r.events))
	for i, e := range r.events {
		own[i] = e.event
	}
	for _, key := range markets.CancelKeys(own) {
		r.events = append(r.events, cancels[key]...)
	}
	slices.SortFunc(r.events, func(a, b entry) int { return a.event.Position.Compare(b.event.Position) })
}

// check compares the document with the executed part of the log.
func (r reading) check() (Check, error) {
	executed, differences, err := r.executed()
	if err != nil {
		return Check{}, err
	}
	c := Check{Exists: r.order != nil, Made: r.order != nil, Changes: differences}
	if len(differences) == 0 {
		return c, nil
	}
	c.Made = false
	log := r.log(executed)
	if folded, err := r.ref.foldFields(log); err != nil {
		return c, err
	} else if len(folded) > 0 {
		c.Made, c.Last = true, log[len(log)-1].event.Position
		return c, nil
	}
	if r.order == nil {
		return c, nil
	}
	var doc struct{ Last markets.Position }
	err = json.Unmarshal(r.order, &doc)
	c.Last = doc.Last
	return c, err
}
