package explain

import (
	"context"
	"encoding/json"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Order explains the order that id names: its _id, or its key or hash alone where only one
// market has it, hex digits in any case. If at is not nil it is explained as it was then, and
// else as it is at the time now, by which terms expire.
//
// ErrUnknown, ErrAmbiguous, ErrTooLong, ErrChanging.
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

// explain tells what a reading says.
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

// fold folds the order from its log, and tells each step unless tell is nil. The order is nil if the log has
// nothing that makes it.
func (o ref) fold(log []entry, tell func(Step)) (*markets.Order, error) {
	folding := markets.NewFolding(o.Chain, o.Market, o.key)
	before := Fields{}
	for _, entry := range log {
		effect := folding.Apply(&entry.event)
		if tell == nil {
			continue
		}
		after := Fields{}
		if folding.Exists {
			var err error
			if after, err = FieldsOf(folding.Order); err != nil {
				return nil, err
			}
		}
		tell(entry.step(effect, differences(persistence.Orders, before, after)))
		before = after
	}
	if !folding.Exists {
		return nil, nil
	}
	return &folding.Order, nil
}

// executed is the part of the log that the stored order has taken in, as the seq of each
// stream, and in what the order differs from it all the same. While the market's documents are
// between two places of a stream, of which some are at the one and some at the other, it is
// that of the places at which the order is.
func (r reading) executed() (first map[string]int64, least []Change, err error) {
	for seqs := range r.alternatives() {
		folded, err := r.ref.foldFields(r.log(seqs))
		if err != nil {
			return nil, nil, err
		}
		found, err := r.differences(folded)
		if err != nil || len(found) == 0 {
			return seqs, nil, err
		}
		if first == nil {
			first, least = seqs, found
		}
	}
	return first, least, nil
}

// foldFields are the fields that the log makes; none if it makes no document.
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

// differences are those of the stored document from what was folded.
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

// end is how many events of a log, by position, are not after the point.
func (a *At) end(log []entry) int {
	for i, e := range log {
		if a != nil && (a.Height != nil && e.event.Position.Height > *a.Height || a.Time != nil && e.event.Time.After(*a.Time)) {
			return i
		}
	}
	return len(log)
}

// clock is the time as of which terms have expired; nil if it is not known.
func (a *At) clock(now time.Time) *time.Time {
	switch {
	case a == nil:
		return &now
	case a.Time != nil:
		return a.Time
	}
	return nil
}
