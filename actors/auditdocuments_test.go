package actors

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// forgery is the log and the documents of a world, in which faults are planted.
type forgery struct {
	*plot
	orders  map[string]markets.Order
	records map[string]markets.Record
	told    map[string]markets.Notification
	touched map[string]bool // documents with a fault
	gone    []string        // orders and records that are deleted
	planted map[string]int
}

func newForgery(w *world) *forgery {
	return &forgery{
		plot: newPlot(w), touched: map[string]bool{}, planted: map[string]int{},
		orders:  load(w, persistence.Orders, func(o markets.Order) string { return o.Key }),
		records: load(w, persistence.Records, func(r markets.Record) string { return markets.RecordKey(r.Type, r.Key) }),
		told:    load(w, persistence.Notifications, markets.Notification.ID),
	}
}

// untouched returns the key of a random document without a fault whose position is final,
// and marks it as touched.
func untouched[T any](f *forgery, all map[string]T, at func(T) markets.Position) (string, bool) {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(key string) bool {
		return f.touched[key] || at(all[key]).Height > f.w.finalHeight()
	})
	if len(keys) == 0 {
		return "", false
	}
	key := keys[f.w.r.IntN(len(keys))]
	f.touched[key] = true
	return key, true
}

// forge plants a random fault in a document; false if all have one.
func (f *forgery) forge() bool {
	n := f.w.r.IntN(12)
	what, ok := "", true
	switch {
	case n < 7:
		what, ok = f.order(n)
	case n < 9:
		what, ok = f.record(n)
	default:
		what, ok = f.notification(n)
	}
	if ok {
		f.planted[what]++
	}
	return ok
}

func (f *forgery) order(n int) (string, bool) {
	key, ok := untouched(f, f.orders, func(o markets.Order) markets.Position { return o.First })
	if !ok {
		return "", false
	}
	o, what := f.orders[key], ""
	switch n {
	case 0:
		what, o.Status = "status", markets.Canceled
		if f.orders[key].Status == o.Status {
			o.Status = markets.Listing
		}
	case 1:
		what, o.Price = "price", o.Price+"0"
	case 2:
		what, o.Remaining = "remaining", o.Remaining+"7"
	case 3:
		what, o.Fillable = "fillable", &markets.Fillability{Answer: markets.No, Reasons: []markets.Reason{markets.NotOwner}}
	case 4:
		what, o.Taker = "taker", o.Taker+"'"
	case 5:
		delete(f.orders, key)
		f.gone = append(f.gone, key)
		return "order deleted", true
	default:
		o.Key, what = key+"'", "order added"
	}
	f.orders[o.Key] = o
	return what, true
}

func (f *forgery) record(n int) (string, bool) {
	key, ok := untouched(f, f.records, func(r markets.Record) markets.Position { return r.Last })
	if !ok {
		return "", false
	}
	r := f.records[key]
	switch f.w.r.IntN(3) {
	case 0:
		r.Removed = !r.Removed
		f.records[key] = r
		return "record changed", true
	case 1:
		delete(f.records, key)
		f.gone = append(f.gone, r.Type+":"+r.Key)
		return "record deleted", true
	}
	r.Key += "'"
	f.records[key+"'"] = r
	return "record added", true
}

func (f *forgery) notification(n int) (string, bool) {
	id, ok := untouched(f, f.told, func(n markets.Notification) markets.Position { return n.Position })
	if !ok {
		return "", false
	}
	told, what := f.told[id], "notification changed"
	if slices.ContainsFunc(slices.Collect(maps.Values(f.told)), func(o markets.Notification) bool { return o.Stream == told.Stream && o.Seq < told.Seq }) && n == 9 {
		delete(f.told, id)
		return "notification deleted", true
	}
	if n == 10 {
		told.Activity, what = told.Activity+"'", "notification added"
	} else {
		told.Price += "0"
	}
	f.told[told.ID()] = told
	return what, true
}

// write stores the log and the documents of the forgery in one transaction.
func (f *forgery) write() {
	f.w.t.Helper()
	err := f.w.disk.Commit(f.w.t.Context(), refOfWorld, nil, func(tx persistence.Tx) error {
		for _, s := range f.w.streams {
			if _, _, err := tx.Truncate(s, math.MinInt64, math.MaxInt32); err != nil {
				return err
			}
		}
		if err := tx.Append(f.activities, f.letters); err != nil {
			return err
		}
		if err := tx.Notify(slices.Collect(maps.Values(f.told))); err != nil {
			return err
		}
		return errors.Join(tx.PutOrders(slices.Collect(maps.Values(f.orders))), tx.PutRecords(slices.Collect(maps.Values(f.records))), tx.DeleteOrders(f.gone), tx.DeleteRecords(f.gone))
	})
	if err != nil {
		f.w.t.Fatal(err)
	}
}

// expected returns the differences between the documents and the log of the forgery.
func (f *forgery) expected() map[string]int {
	want := map[string]int{}
	own, records, told := map[string][]markets.Event{}, map[string][]markets.Event{}, map[string]markets.Notification{}
	for _, a := range slices.SortedFunc(slices.Values(f.activities), func(a, b markets.Activity) int { return a.Position.Compare(b.Position) }) {
		if a.Order != "" {
			own[a.Order] = nil
		} else if a.Record != nil {
			records[a.Key()] = append(records[a.Key()], a.Event)
		}
		for _, n := range markets.Notifications(a) {
			told[n.ID()] = n
		}
	}
	orders, folded := map[string]markets.Order{}, map[string]markets.Record{}
	for key := range own {
		var concerned []markets.Event
		for _, a := range f.activities {
			if a.Order == key || a.Kind == markets.OrdersCancelled {
				concerned = append(concerned, a.Event)
			}
		}
		slices.SortFunc(concerned, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
		orders[key], _ = markets.FoldOrder("chain", "market", key, concerned)
	}
	for key, events := range records {
		folded[key], _ = markets.FoldRecord("chain", "market", events)
	}
	final := func(p markets.Position) bool { return p.Height <= f.w.finalHeight() }
	compareAll(want, persistence.Orders, orders, f.orders, func(markets.Order) bool { return true })
	compareAll(want, persistence.Records, folded, f.records, func(markets.Record) bool { return true })
	compareAll(want, persistence.Notifications, told, f.told, func(n markets.Notification) bool { return final(n.Position) })
	return want
}

func compareAll[T any](want map[string]int, collection string, made, stored map[string]T, final func(T) bool) {
	for key, m := range made {
		if s, ok := stored[key]; !ok && final(m) {
			want[fmt.Sprint(audit.Missing, " ", collection, " ", key)]++
		} else if ok && !reflect.DeepEqual(m, s) && final(m) {
			want[fmt.Sprint(audit.Different, " ", collection, " ", key)]++
		}
	}
	for key, s := range stored {
		if _, ok := made[key]; !ok && final(s) {
			want[fmt.Sprint(audit.Extra, " ", collection, " ", key)]++
		}
	}
}

// differingDocuments returns the differing documents that the last audit found.
func (w *world) differingDocuments() map[string]int {
	got := map[string]int{}
	for _, d := range w.differing {
		got[fmt.Sprint(d.Kind, " ", d.Collection, " ", d.Order)]++
		if (d.Kind == audit.Different) != (len(d.Fields) > 0) {
			w.t.Errorf("fields: %+v", d)
		}
	}
	return got
}

// manyOrders returns a world with many orders that has stopped.
func manyOrders(t *testing.T, seed uint64) *world {
	t.Helper()
	w := newWorld(t, seed, finalBelowHead)
	w.orders = 40
	for range 90 {
		w.block()
	}
	w.boot()
	w.mustCheck()
	w.halt()
	return w
}

// repair rewinds and refolds what differs by a report, and lets the worker read again.
func (w *world) repair(report audit.Report) {
	w.t.Helper()
	m, err := maintenance.TakeOver(w.t.Context(), w.disk, "test", "chain")
	for _, s := range report.Streams {
		if err == nil && s.Before != nil {
			err = m.Rewind(w.t.Context(), maintenance.Scope{Market: s.Market, Stream: s.Stream}, *s.Before)
		}
	}
	for market, keys := range report.Refold {
		if err == nil {
			err = m.Refold(w.t.Context(), market, keys)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.boot()
	if err := w.settle(); err != nil {
		w.t.Fatal(err)
	}
	w.halt()
}

// An audit finds exactly the 50 faults planted in the log and the documents, and a repair
// by its report removes them all.
func TestAnAuditFindsDocumentsThatDiffer(t *testing.T) {
	t.Parallel()
	planted := map[string]int{}
	for seed := range auditedWorlds() {
		w := manyOrders(t, 300+seed)
		clean, differences := w.audit(w.source(), nil)
		if len(differences)+len(w.differing) > 0 || len(clean.Documents) != 3 || clean.Documents[0].Compared != int64(len(w.got().Orders)) || clean.Documents[1].Compared != int64(len(w.got().Records)) {
			t.Fatalf("undamaged: %+v, %+v, %+v", differences, w.differing, clean.Documents)
		}
		f := newForgery(w)
		for range 10 * seed { // without faults of the log nothing is read again
			f.plant()
		}
		if seed > 0 {
			f.told = map[string]markets.Notification{}
			for _, a := range f.activities {
				for _, n := range markets.Notifications(a) {
					f.told[n.ID()] = n
				}
			}
		}
		for n := 10 * seed; n < 50 && f.forge(); n++ {
		}
		f.write()
		report, differences := w.audit(w.source(), nil)
		f.check(differences)
		if got, want := w.differingDocuments(), f.expected(); !maps.Equal(got, want) || len(want) < 20 {
			for key := range want {
				if got[key] != want[key] {
					t.Errorf("%s: found %d times, planted %d times", key, got[key], want[key])
				}
			}
			for key := range got {
				if want[key] == 0 {
					t.Errorf("%s: found, not planted", key)
				}
			}
		}
		w.repair(report)
		got, want := w.got(), w.want()
		if err := errors.Join(differ("order", got.Orders, want.Orders), differ("record", got.Records, want.Records), differ("activity", got.Activities, want.Activities),
			differ("dead letter", got.Letters, want.Letters), differ("notification", got.Told, want.Told)); err != nil {
			t.Errorf("repaired: %v", err)
		}
		if again, differences := w.audit(w.source(), nil); len(differences)+len(w.differing) > 0 {
			t.Errorf("after the repair: %+v, %+v, %+v", again, differences, w.differing)
		}
		for what, n := range f.planted {
			planted[what] += n
		}
	}
	if len(planted) < 10 {
		t.Errorf("planted: %v", planted)
	}
}

// A repair of orders alone rewinds no stream, so notifications keep their readAt.
func TestARepairOfOrdersKeepsReadAt(t *testing.T) {
	t.Parallel()
	w := manyOrders(t, 400)
	f := newForgery(w)
	read := time.Unix(1e9, 0).UTC()
	for id, n := range f.told {
		n.ReadAt = &read
		f.told[id] = n
	}
	for n := range 7 {
		f.order(n)
	}
	f.write()
	report, differences := w.audit(w.source(), nil)
	if len(differences) > 0 || len(w.differing) != 7 || slices.ContainsFunc(report.Streams, func(s audit.Stream) bool { return s.Before != nil }) {
		t.Fatalf("found %+v, %+v", differences, w.differing)
	}
	w.repair(report)
	if err := cmp.Or(differ("order", w.got().Orders, w.want().Orders), differ("notification", w.got().Told, f.told)); err != nil {
		t.Error(err)
	}
}
