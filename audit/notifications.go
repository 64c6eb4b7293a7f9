package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// notice is a notification that the log yields.
type notice struct {
	markets.Notification
	// optional means that the notification may be missing: the log does not tell who
	// received it.
	optional bool
}

// compareNotifications compares the notifications of a page. A difference is reported only
// after it was found twice.
func (d *documentAudit) compareNotifications(ctx context.Context, p page) error {
	if !p.notifies {
		return nil
	}
	stored, err := p.noticesOf(ctx)
	if err != nil {
		return err
	}
	compared, found, err := d.compareNotices(ctx, p, stored)
	if err == nil && len(found) > 0 {
		var again entries
		again, err = p.settled(ctx, p.after, p.through, d.Pause, func() (err error) {
			stored, err = p.noticesOf(ctx)
			return err
		})
		switch {
		case errors.Is(err, errBehind) || errors.Is(err, errChanged):
			found, err = nil, nil // entries rolled back during the audit are not compared
		case err == nil:
			p.activities = again.activities
			compared, found, err = d.compareNotices(ctx, p, stored)
		}
	}
	if err != nil {
		return err
	}
	d.notices.Compared += compared
	for _, diff := range found {
		lowerBefore(p.result, diff.Before)
		d.addDocument(&d.notices, diff)
	}
	return nil
}

// noticesOf reads the stored notifications of a page, by _id.
func (p page) noticesOf(ctx context.Context) (map[string]markets.Notification, error) {
	where := append(p.ref.Documents(), persistence.Equals("stream", p.stream),
		persistence.Compare{Path: "seq", Operator: persistence.Greater, Operand: p.after},
		persistence.Compare{Path: "seq", Operator: persistence.LessOrEqual, Operand: p.through})
	all, err := persistence.Collect[markets.Notification](ctx, p.docs, persistence.Query{Collection: persistence.Notifications, Filter: persistence.Filter{Condition: where}})
	byID := map[string]markets.Notification{}
	for _, n := range all {
		byID[n.ID()] = n
	}
	return byID, err
}

// compareNotices compares stored notifications with those that the activities of a page
// yield.
func (d *documentAudit) compareNotices(ctx context.Context, p page, stored map[string]markets.Notification) (compared int64, found []Difference, err error) {
	first, err := d.firstSeq(ctx, p.log)
	if err != nil {
		return 0, nil, err
	}
	byActivity := map[string][]markets.Notification{}
	for _, n := range stored {
		byActivity[n.Activity] = append(byActivity[n.Activity], n)
	}
	made := map[string]notice{}
	for _, a := range p.activities {
		for _, n := range noticesFor(a, byActivity[a.ID()]) {
			made[n.ID()] = n
		}
	}
	for _, id := range slices.Sorted(maps.Keys(made)) {
		n := made[id]
		is, exists := stored[id]
		switch {
		case !p.within(n.Position.Height):
		case !exists && (n.optional || first == nil || n.Seq < *first): // notifications may have been enabled later
		case !exists:
			compared++
			found = append(found, p.noticeDifference(Missing, n.Notification, nil))
		default:
			compared++
			fields, err := noticeFields(n.Notification, is)
			if err != nil {
				return 0, nil, err
			}
			if len(fields) > 0 {
				found = append(found, p.noticeDifference(Different, is, fields))
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		if _, known := made[id]; !known && p.within(stored[id].Position.Height) {
			compared++
			found = append(found, p.noticeDifference(Extra, stored[id], nil))
		}
	}
	slices.SortStableFunc(found, func(a, b Difference) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.Order, b.Order))
	})
	return compared, found, nil
}

// noticeDifference returns the difference of a notification of the page.
func (p page) noticeDifference(kind Kind, n markets.Notification, fields []Field) Difference {
	d := Difference{
		Kind: kind, Market: p.ref.Market, Stream: p.stream, Collection: persistence.Notifications, Event: string(n.Kind), Order: n.ID(),
		Seq: n.Seq, Position: n.Position, Transaction: n.Transaction, Fields: fields, Before: p.beforeEvent(n.Position.Height),
	}
	if kind == Extra {
		d.Before = min(d.Before, p.before(n.Seq))
	}
	return d
}

// noticesFor returns the notifications that an activity yields. For an offer to the owner
// of a token, the log may not tell who the owner was: any single receiver is accepted.
func noticesFor(a markets.Activity, stored []markets.Notification) (all []notice) {
	for _, n := range markets.Notifications(a) {
		all = append(all, notice{Notification: n})
	}
	if a.ForAnyOwner() && len(all) == 0 && len(stored) == 1 {
		for _, n := range markets.OfferToOwner(a, stored[0].Receiver) {
			all = append(all, notice{n, true})
		}
	}
	return all
}

// noticeFields returns the fields in which a stored notification differs from the one that
// the log yields. ReadAt is ignored: the receiver sets it.
func noticeFields(made, stored markets.Notification) ([]Field, error) {
	stored.ReadAt = nil
	l, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	s, err := json.Marshal(stored)
	if err != nil {
		return nil, err
	}
	fields, err := differing(l, s)
	for i, f := range fields {
		fields[i] = Field{Path: f.Path, Log: f.Log, Document: f.Chain}
	}
	return fields, err
}

// firstSeq returns the seq of a stream's first notification; nil if it has none.
func (d *documentAudit) firstSeq(ctx context.Context, l log) (*int64, error) {
	if seq, known := d.firstSeqs[l.stream]; known {
		return seq, nil
	}
	all, err := persistence.Collect[markets.Notification](ctx, l.docs, persistence.Query{
		Collection: persistence.Notifications, Limit: 1, Sort: []persistence.SortKey{{Path: "seq"}},
		Filter: persistence.Filter{Condition: append(l.ref.Documents(), persistence.Equals("stream", l.stream))},
	})
	if err != nil {
		return nil, err
	}
	d.firstSeqs[l.stream] = nil
	if len(all) > 0 {
		d.firstSeqs[l.stream] = &all[0].Seq
	}
	return d.firstSeqs[l.stream], nil
}

// keyOfDocument returns the key of an order or a record, and the height of its last event.
func keyOfDocument(doc json.RawMessage, record bool) (explain.Key, int64, error) {
	var d struct {
		Type, Key string
		Last      markets.Position
	}
	err := json.Unmarshal(doc, &d)
	if record {
		d.Key = markets.RecordKey(d.Type, d.Key)
	}
	return explain.Key{Key: d.Key, Record: record}, d.Last.Height, err
}
