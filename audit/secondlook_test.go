package audit

import (
	"slices"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// glances are how often the document of each order was read by its key.
func (m *meanwhile) glances() map[string]int {
	all := map[string]int{}
	for _, q := range m.queries {
		for _, c := range conditions(q.Filter.Condition) {
			if key, ok := c.Operand.(string); ok && q.Collection == persistence.Orders && c.Path == "key" {
				all[key]++
			}
		}
	}
	return all
}

// Whatever a worker commits between two queries of an audit, no document is reported that only
// seemed to differ because one query was answered before the commit and the other after it: it is
// compared again on newer data.
func TestADocumentThatChangesWhileItIsComparedIsNotReported(t *testing.T) {
	shopAtTwo := func(t *testing.T) *shop {
		s := newShop(t, teststore.Embedded(t), "c")
		s.faulty[2] = true
		s.read("s", 4)
		s.fold("s", 2)
		return s
	}
	s := shopAtTwo(t)
	undisturbed := &meanwhile{Querier: s.store}
	if report, found := s.audit(undisturbed); len(found) > 0 || report.Agree != 4 || len(report.Documents) != 2 {
		t.Fatalf("undisturbed: %+v, %+v", report, found)
	}
	for key, n := range undisturbed.glances() {
		if n != 1 {
			t.Errorf("undisturbed: %s was compared %d times", key, n)
		}
	}
	for change, do := range map[string]func(*shop){
		"a fold":             func(s *shop) { s.fold("s", 4) },
		"a reading and fold": func(s *shop) { s.read("s", 6); s.fold("s", 6) },
		"a rewind":           func(s *shop) { s.rewind("s", 0) },
		"a dead letter":      func(s *shop) { s.retry(2) },
		"back and forth":     func(s *shop) { s.rewind("s", 0); s.faulty[2] = false; s.read("s", 5); s.fold("s", 5) },
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			again := 0
			for before := 1; before <= len(undisturbed.queries); before++ {
				s := shopAtTwo(t)
				docs := &meanwhile{Querier: s.store, do: func(nth int, _ persistence.Query) {
					if nth == before {
						do(s)
					}
				}}
				if report, found := s.audit(docs); len(found) > 0 || len(report.Refold) > 0 {
					t.Errorf("before query %d: %+v to be folded again, found %+v", before, report.Refold, found)
				}
				for _, n := range docs.glances() {
					again += n - 1
				}
			}
			if again == 0 {
				t.Error("no document ever seemed to differ")
			}
		})
	}
}

// A document that is not what the log makes is reported once, however the log and other documents
// move on while it is compared.
func TestADocumentThatDiffersIsReportedWhateverIsCommittedMeanwhile(t *testing.T) {
	for damage, test := range map[string]struct {
		do    func(*shop, persistence.Tx) error
		kind  Kind
		order string
	}{
		"changed": {func(s *shop, tx persistence.Tx) error {
			orders, err := tx.Orders([]string{"o1"})
			if err != nil {
				return err
			}
			o := orders["o1"]
			o.Price = "7"
			return tx.PutOrders([]markets.Order{o})
		}, Different, "o1"},
		"deleted": {func(_ *shop, tx persistence.Tx) error { return tx.DeleteOrders([]string{"o1"}) }, Missing, "o1"},
		"invented": {func(s *shop, tx persistence.Tx) error {
			return tx.PutOrders([]markets.Order{{Chain: s.ref.Chain, Market: s.ref.Market, Key: "x", Status: markets.Listing, Last: markets.Position{Height: 1}}})
		}, Extra, "x"},
	} {
		t.Run(damage, func(t *testing.T) {
			t.Parallel()
			for before, queries := 0, 1; before <= queries; before++ { // before none at first
				s := newShop(t, teststore.Embedded(t), "c")
				s.read("s", 2)
				s.fold("s", 2)
				s.write(func(tx persistence.Tx) error { return test.do(s, tx) })
				docs := &meanwhile{Querier: s.store, do: func(nth int, _ persistence.Query) {
					if nth == before {
						s.read("s", 4)
						s.fold("s", 4)
					}
				}}
				report, found := s.audit(docs)
				if len(found) != 1 || found[0].Kind != test.kind || found[0].Order != test.order || found[0].Collection != persistence.Orders {
					t.Errorf("before query %d: found %+v", before, found)
				} else if is := slices.ContainsFunc(found[0].Fields, func(f Field) bool { return f.Path == "price" && string(f.Log) == `"5"` && string(f.Document) == `"7"` }); is != (test.kind == Different) {
					t.Errorf("before query %d: fields %s", before, found[0].Fields)
				}
				if !slices.Equal(report.Refold["m"], []string{test.order}) {
					t.Errorf("before query %d: %v are to be folded again", before, report.Refold)
				}
				if before == 0 {
					queries = len(docs.queries)
				}
			}
		})
	}
}
