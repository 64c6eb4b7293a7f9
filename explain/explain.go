package explain

import (
	"context"
	"encoding/json"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Order explains the order that id names: its _id, or only its key or hash if a single
// market has an order with it. Hexadecimal digits may be in upper or lower case. If at is
// not nil, the order is explained as of that point; otherwise as of now, which decides
// whether it has expired.
//
// It returns ErrUnknown, ErrAmbiguous, ErrTooLong or ErrChanging, or an error of the store.
func Order(ctx context.Context, docs persistence.Querier, id string, at *At, now time.Time) (Explanation, error) {
	o, err := find(ctx, docs, id)
	if err != nil {
		return Explanation{}, err
	}
	r, err := readSettled(ctx, docs, o)
	if err != nil {
		return Explanation{}, err
	}
	return r.explain(at, now)
}

// explain builds the explanation from a reading.
func (r reading) explain(at *At, now time.Time) (Explanation, error) {
	e := Explanation{
		ID: r.ref.id(), Chain: r.ref.Chain, Market: r.ref.Market, Key: r.ref.key, Unit: r.unit(),
		At: at, Final: r.final, Signed: r.signed, Streams: r.streams(), Steps: []Step{},
	}
	executed, differences, err := r.executed()
	if err != nil {
		return e, err
	}
	e.Differences = differences
	e.Waiting = r.waiting(executed)
	log := r.log(executed)
	then := log[:at.end(log)]
	e.Later = len(log) - len(then)
	order, err := r.ref.fold(then, func(s Step) { e.Steps = append(e.Steps, s) })
	if err != nil {
		return e, err
	}
	e.Order = order
	e.Verdict = judge(order, r.asked(), at.clock(now))
	return e, nil
}

// fold folds the order from its log and passes each step to emit, unless emit is nil. It
// returns nil if the log does not yield an order.
func (o ref) fold(log []entry, emit func(Step)) (*markets.Order, error) {
	folding := markets.NewFolding(o.Chain, o.Market, o.key)
	before := Fields{}
	for _, entry := range log {
		effect := folding.Apply(&entry.event)
		if emit == nil {
			continue
		}
		after := Fields{}
		if folding.Exists {
			var err error
			if after, err = FieldsOf(folding.Order); err != nil {
				return nil, err
			}
		}
		emit(entry.step(effect, differences(persistence.Orders, before, after)))
		before = after
	}
	if !folding.Exists {
		return nil, nil
	}
	return &folding.Order, nil
}

// executed returns the part of the log that the stored document reflects, as the seq of
// each stream, and the fields in which the document still differs from it. During a
// transition, some of a market's documents are at its start and others at its end: the
// first alternative without differences is returned, or the first of all if there are
// differences in each.
func (r reading) executed() (seqs map[string]int64, changes []Change, err error) {
	for alternative := range r.alternatives() {
		folded, err := r.ref.foldFields(r.log(alternative))
		if err != nil {
			return nil, nil, err
		}
		found, err := r.differences(folded)
		if err != nil || len(found) == 0 {
			return alternative, nil, err
		}
		if seqs == nil {
			seqs, changes = alternative, found
		}
	}
	return seqs, changes, nil
}

// foldFields returns the fields of the document that the log yields; none if it yields
// none.
func (o ref) foldFields(log []entry) (Fields, error) {
	if o.record {
		events := make([]markets.Event, len(log))
		for i, e := range log {
			events[i] = e.event
		}
		if r, made := markets.FoldRecord(o.Chain, o.Market, events); made {
			return fieldsOf(r)
		}
		return Fields{}, nil
	}
	folded, err := o.fold(log, nil)
	if err != nil || folded == nil {
		return Fields{}, err
	}
	return FieldsOf(*folded)
}

// differences returns the changes that turn the stored document into the folded one.
func (r reading) differences(want Fields) ([]Change, error) {
	stored := Fields{}
	var err error
	switch {
	case r.order == nil:
	case r.ref.record:
		var doc markets.Record
		if err = json.Unmarshal(r.order, &doc); err == nil {
			stored, err = fieldsOf(doc)
		}
	default:
		var o markets.Order
		if err = json.Unmarshal(r.order, &o); err == nil {
			stored, err = FieldsOf(o)
		}
	}
	return differences(r.ref.collection(), stored, want), err
}

// end returns the number of events of a log, sorted by position, that are not after the
// point.
func (a *At) end(log []entry) int {
	for i, e := range log {
		if a != nil && (a.Height != nil && e.event.Position.Height > *a.Height || a.Time != nil && e.event.Time.After(*a.Time)) {
			return i
		}
	}
	return len(log)
}

// clock returns the time at which to test whether the order has started or expired; nil if
// it is not known.
func (a *At) clock(now time.Time) *time.Time {
	switch {
	case a == nil:
		return &now
	case a.Time != nil:
		return a.Time
	}
	return nil
}
