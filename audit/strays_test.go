package audit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Of each stream that tells people something, that of facts among them, an audit finds the
// notifications that its log does not make, those that are missing, and those that are different.
// A rewind to the height that the report names takes a stray one away.
func TestAnAuditComparesTheNotificationsOfEachStream(t *testing.T) {
	const version = 4
	damages := map[string]struct {
		do   func(n *markets.Notification) // n is to be deleted if it has no receiver afterwards
		kind Kind                          // empty: none is found
	}{
		"none":    {nil, ""},
		"read":    {func(n *markets.Notification) { n.ReadAt = new(time.Unix(9, 0).UTC()) }, ""},
		"changed": {func(n *markets.Notification) { n.Message = markets.OfferGone }, Different},
		"deleted": {func(n *markets.Notification) { n.Receiver = "" }, Missing},
	}
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		chains := 0
		newShopAt6 := func() *shop {
			chains++
			s := newShop(t, store, fmt.Sprint("c", chains))
			for _, stream := range []string{"s", markets.StateStream} {
				s.read(stream, 6)
				s.fold(stream, 6)
			}
			return s
		}
		for stream, receiver := range map[string]string{"s": "bob", markets.StateStream: "carl"} {
			for damage, test := range damages {
				s := newShopAt6()
				if test.do != nil {
					s.forge(stream, version, receiver, test.do)
				}
				report, found := s.audit(store)
				if test.kind == "" && len(found) > 0 || test.kind != "" && (len(found) != 1 || found[0].Kind != test.kind) {
					t.Errorf("%s of %s: found %+v", damage, stream, found)
				}
				if told := toldBy(report); told.Compared != 12 || told.Differ() != int64(len(found)) {
					t.Errorf("%s of %s: counted as %+v", damage, stream, told)
				}
				s.checkDifferences(report, found, stream, version, receiver)
			}

			s := newShopAt6()
			s.write(func(tx persistence.Tx) error {
				told := markets.Notifications(s.of(stream, version))
				stray := told[slices.IndexFunc(told, func(n markets.Notification) bool { return n.Receiver == receiver })]
				stray.Activity += "'"
				return tx.Notify([]markets.Notification{stray})
			})
			report, found := s.audit(store)
			if len(found) != 1 || found[0].Kind != Extra {
				t.Fatalf("stray of %s: found %+v", stream, found)
			}
			s.checkDifferences(report, found, stream, version, receiver)
			if told := toldBy(report); told.Compared != 13 || told.Extra != 1 {
				t.Errorf("stray of %s: counted as %+v", stream, told)
			}
			before := *streamOf(report, stream).Before
			s.rewind(stream, before)
			s.read(stream, 6)
			s.fold(stream, 6)
			if _, found := s.audit(store); len(found) > 0 {
				t.Errorf("stray of %s: after a rewind to %d: found %+v", stream, before, found)
			}
		}
	})
}

// What was told below and above the audited heights is not compared, and neither are notifications of a
// market that tells nobody anything.
func TestAnAuditLeavesOutNotificationsThatAreNotAudited(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		s := newShop(t, store, "c")
		for _, stream := range []string{"s", markets.StateStream} {
			s.read(stream, 6)
			s.fold(stream, 6)
			for _, version := range []int64{2, 6} {
				s.forge(stream, version, map[string]string{"s": "bob", markets.StateStream: "carl"}[stream], func(n *markets.Notification) { n.Activity += "'" })
			}
		}
		for name, test := range map[string]struct {
			change   func(*Config)
			compared int64
		}{
			"from 3 to 5": {func(c *Config) { c.From, c.To = 3, 5 }, 5},
			"silent": {func(c *Config) {
				c.Markets[0].Streams = slices.Clone(c.Markets[0].Streams)
				c.Markets[0].Streams[0].Notifies = false
			}, 0},
		} {
			cfg := s.config(new(versions))
			cfg.Docs = store
			test.change(&cfg)
			report, err := Run(t.Context(), cfg)
			if told := toldBy(report); err != nil || told.Compared != test.compared || report.Differences() > 0 {
				t.Errorf("%s: %+v, %v", name, report.Documents, err)
			}
		}
	})
}

// of is the activity of a stream in a version.
func (s *shop) of(stream string, version int64) markets.Activity {
	return s.log[slices.IndexFunc(s.log, func(a markets.Activity) bool { return a.Stream == stream && a.Seq == version })]
}

// forge makes another one of a notification: the stream's entries of its version are written
// again without it, and then what change makes of it, if it still has a receiver.
func (s *shop) forge(stream string, version int64, receiver string, change func(*markets.Notification)) {
	s.Helper()
	s.write(func(tx persistence.Tx) error {
		if _, _, err := tx.Truncate(stream, version-1, 1<<20); err != nil {
			return err
		}
		for _, a := range s.log {
			if a.Stream != stream || a.Seq < version {
				continue
			}
			told := markets.Notifications(a)
			if i := slices.IndexFunc(told, func(n markets.Notification) bool { return n.Receiver == receiver }); a.Seq == version && i >= 0 {
				if change(&told[i]); told[i].Receiver == "" {
					told = slices.Delete(told, i, i+1)
				}
			}
			if err := tx.Append([]markets.Activity{a}, nil); err != nil {
				return err
			}
			if err := tx.Notify(told); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkDifferences expects that all differences are of one stream's notification to a receiver
// in a version, and that the report names a height below it.
func (s *shop) checkDifferences(report Report, found []Difference, stream string, version int64, receiver string) {
	s.Helper()
	for _, d := range found {
		a := s.of(stream, version)
		if d.Collection != persistence.Notifications || d.Stream != stream || d.Seq != version || d.Position != a.Position || d.Transaction != a.Transaction {
			s.Errorf("of %s: %+v", stream, d)
		}
		if id := a.ID() + "/" + receiver; d.Kind == Extra && d.Order == id || d.Kind != Extra && d.Order != id {
			s.Errorf("of %s: %s of %s", stream, d.Kind, d.Order)
		}
	}
	for _, name := range []string{"s", markets.StateStream} {
		before := streamOf(report, name).Before
		if differs := name == stream && len(found) > 0; differs && (before == nil || *before != version-1) || !differs && before != nil {
			s.Errorf("%s is to be rewound to %v", name, before)
		}
	}
}

func streamOf(report Report, name string) Stream {
	return report.Streams[slices.IndexFunc(report.Streams, func(s Stream) bool { return s.Stream == name })]
}

// toldBy is what came of the comparison of notifications.
func toldBy(report Report) (told Documents) {
	for _, d := range report.Documents {
		if d.Collection == persistence.Notifications {
			told = d
		}
	}
	return told
}
