package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/persistence"
)

// auditor is one of the nodes that audit the chain of a shop.
type auditor struct {
	Regular
	shop   *shop
	source versions
	opened atomic.Int64 // audits
	ended  chan persistence.AuditResult

	mu      sync.Mutex
	wrote   []persistence.Audit
	written func(persistence.Audit) // is told what was written
	asked   func(persistence.Query) // is told what is asked for, before it is
}

func newAuditor(s *shop, node string, owns func() bool) *auditor {
	a := &auditor{shop: s, ended: make(chan persistence.AuditResult, 1)}
	a.Regular = Regular{
		Every: time.Hour, Node: node, Store: a, Owns: func(string) bool { return owns() }, Look: time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Audited: func(_ string, last persistence.AuditResult) {
			select {
			case a.ended <- last:
			default: // it was told before
			}
		},
	}
	return a
}

func (a *auditor) PutAudit(ctx context.Context, doc persistence.Audit) error {
	if err := a.shop.store.PutAudit(ctx, doc); err != nil {
		return err
	}
	a.mu.Lock()
	a.wrote = append(a.wrote, doc)
	a.mu.Unlock()
	if a.written != nil {
		a.written(doc)
	}
	return nil
}

func (a *auditor) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	if a.asked != nil {
		a.asked(q)
	}
	return a.shop.store.Query(ctx, q)
}

func (a *auditor) open(string) (Config, func(), error) {
	a.opened.Add(1)
	return a.shop.config(&a.source), func() {}, nil
}

// versions are those that the node has read, once each: what differs is read twice in a row.
func (a *auditor) versions() []int64 { return slices.Compact(slices.Clone(a.source.read)) }

// stored is the document of the shop's audits.
func (s *shop) stored() persistence.Audit {
	s.Helper()
	docs, err := persistence.Collect[persistence.Audit](s.Context(), s.store, persistence.Query{
		Collection: persistence.Audits, Filter: persistence.Filter{Condition: persistence.Equals("_id", s.ref.Chain)},
	})
	s.must(err)
	if len(docs) != 1 {
		s.Fatalf("%d documents of audits", len(docs))
	}
	return docs[0]
}

// shopWithHoles is a shop of ten versions, with a fault in each half of them: the log lacks
// versions 3 and 7.
func shopWithHoles(t testing.TB, store persistence.Store, chain string) *shop {
	s := newShop(t, store, chain)
	s.leftOut = map[int64]bool{3: true, 7: true}
	s.read("s", 10)
	s.fold("s", 10)
	return s
}

// checkWhole expects that an audit has counted each event, document and fault of the shop once.
func (s *shop) checkWhole(last *persistence.AuditResult) {
	s.Helper()
	if last == nil {
		s.Fatal("the audit has not ended")
		return
	}
	want := persistence.AuditCounts{Events: 10, Agree: 8, Missing: 2}
	if stream := streamOf(Report{Streams: last.Streams}, "s"); last.AuditCounts != want || stream.AuditCounts != want || stream.Before == nil || *stream.Before != 2 || stream.From != 1 || stream.To != 10 {
		s.Errorf("counted %+v, of the stream %+v", last.AuditCounts, stream)
	}
	wantDocuments := []Documents{{Market: "m", Collection: persistence.Orders, Compared: 5}, {Market: "m", Collection: persistence.Notifications, Compared: 10}}
	if !slices.Equal(last.Documents, wantDocuments) {
		s.Errorf("counted documents %+v", last.Documents)
	}
}

// span are the numbers from one to another one, both included.
func span(from, to int64) (all []int64) {
	for ; from <= to; from++ {
		all = append(all, from)
	}
	return all
}

// Wherever a node stops to audit a chain, or loses it, the node that takes the chain over goes
// on from what was written down last: it reads no version again but that of the page in which
// the first one lost the chain, and all is counted once. The first one writes nothing any more.
func TestTheNextOwnerOfAChainGoesOnWithItsAudit(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		for _, cut := range []int64{1, 4, 9, 10} {
			for _, end := range []string{"stops", "loses its chain"} {
				s := shopWithHoles(t, store, fmt.Sprint("c", cut, end))
				owner := "one"
				ctx, cancel := context.WithCancel(t.Context())
				one := newAuditor(s, "one", func() bool { return owner == "one" })
				one.written = func(doc persistence.Audit) {
					switch {
					case doc.Streams[0].At.Seq < cut:
					case end == "stops":
						cancel()
					default:
						owner = "two"
					}
				}
				if err := one.look(ctx, s.ref.Chain, one.open); !errors.Is(err, context.Canceled) && !errors.Is(err, errNotOwned) {
					t.Errorf("the node that %s at %d: %v", end, cut, err)
				}
				cancel()
				left := s.stored()
				if left.Node != "one" || left.Last != nil || left.StartedAt == nil || left.Streams[0].At.Seq != cut || left.LastError != "" || int64(len(one.wrote)) != cut {
					t.Errorf("the node that %s at %d has left %+v behind", end, cut, left)
				}
				twice := int64(0) // versions that are read by both
				if end != "stops" && cut < 10 {
					twice = 1
				}
				if !slices.Equal(one.versions(), span(1, cut+twice)) {
					t.Errorf("the node that %s at %d read %v", end, cut, one.versions())
				}

				owner = "two"
				two := newAuditor(s, "two", func() bool { return owner == "two" })
				s.must(two.look(t.Context(), s.ref.Chain, two.open))
				if !slices.Equal(two.versions(), span(cut+1, 10)) {
					t.Errorf("after the node that %s at %d the next one read %v", end, cut, two.versions())
				}
				doc := s.stored()
				s.checkWhole(doc.Last)
				if doc.Node != "two" || doc.StartedAt != nil || !doc.Last.StartedAt.Equal(*left.StartedAt) {
					t.Errorf("after the node that %s at %d: %+v", end, cut, doc)
				}
			}
		}
	})
}

// A node that loses its chain after it has read all of it, and before it has written down what
// came of the audit, leaves that to the next owner, who reads nothing of the chain again.
func TestANodeThatLosesItsChainAtTheEndOfAnAuditDoesNotEndIt(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		s := shopWithHoles(t, store, "c")
		owned := true
		one := newAuditor(s, "one", func() bool { return owned })
		one.asked = func(q persistence.Query) {
			if q.Collection == persistence.Records { // when extra documents are looked for
				owned = false
			}
		}
		if err := one.look(t.Context(), "c", one.open); !errors.Is(err, errNotOwned) || owned {
			t.Fatal(owned, err)
		}
		if left := s.stored(); left.Last != nil || left.Node != "one" || !left.Streams[0].Done || len(one.ended) > 0 {
			t.Errorf("left behind: %+v", left)
		}
		two := newAuditor(s, "two", func() bool { return true })
		s.must(two.look(t.Context(), "c", two.open))
		s.checkWhole(s.stored().Last)
		if len(two.versions()) > 0 || s.stored().Node != "two" {
			t.Errorf("the next owner read %v", two.versions())
		}
	})
}

// Of two nodes that run at the same time only the one that owns the chain audits it. When the
// chain passes to the other one in the middle of an audit, that one ends it, and the first one
// neither reads nor writes any more.
func TestOfTwoNodesOnlyTheOwnerAudits(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		s := shopWithHoles(t, store, "c")
		var owner atomic.Value
		owner.Store("one")
		var looked atomic.Int64
		inVain := make(chan struct{})
		one := newAuditor(s, "one", func() bool { return owner.Load() == "one" })
		two := newAuditor(s, "two", func() bool {
			if looked.Add(1) == 3 {
				close(inVain)
			}
			return owner.Load() == "two"
		})
		one.written = func(doc persistence.Audit) {
			if doc.Streams[0].At.Seq == 4 {
				<-inVain // the other one has been there all the time
				if n := two.opened.Load(); n > 0 {
					t.Errorf("the node that does not own the chain has opened it %d times", n)
				}
				owner.Store("two")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // far more than it takes
		defer cancel()
		var running sync.WaitGroup
		for _, a := range []*auditor{one, two} {
			running.Go(func() { a.Run(ctx, []string{"c"}, a.open) })
		}
		select {
		case last := <-two.ended:
			s.checkWhole(&last)
		case <-ctx.Done():
			t.Error("two has not ended the audit")
		}
		cancel()
		running.Wait()
		if !slices.Equal(one.versions(), span(1, 5)) || !slices.Equal(two.versions(), span(5, 10)) {
			t.Errorf("one read %v, two read %v", one.versions(), two.versions())
		}
		if one.opened.Load() != 1 || two.opened.Load() != 1 || len(one.wrote) != 4 || len(one.ended) > 0 || s.stored().Node != "two" {
			t.Errorf("one opened the chain %d times and wrote %d times, two opened it %d times: %+v", one.opened.Load(), len(one.wrote), two.opened.Load(), s.stored())
		}
		for _, doc := range two.wrote {
			if doc.Node != "two" || doc.Last == nil && doc.Streams[0].At.Seq <= 4 {
				t.Errorf("two wrote %+v", doc)
			}
		}
	})
}
