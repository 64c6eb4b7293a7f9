package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// fakeStore is a store with the log of one stream, and the document of its audits.
type fakeStore struct {
	mu       sync.Mutex
	observer persistence.Actor
	log      []markets.Activity
	doc      *persistence.Audit
	put      func(persistence.Audit) // called after each write; may be nil
}

func (s *fakeStore) PutAudit(_ context.Context, doc persistence.Audit) error {
	s.mu.Lock()
	s.doc = &doc
	s.mu.Unlock()
	if s.put != nil {
		s.put(doc)
	}
	return nil
}

func (s *fakeStore) Query(_ context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var docs []any
	kind, low, high := "", int64(0), int64(0)
	for _, c := range conditions(q.Filter.Condition) {
		switch {
		case c.Path == "kind":
			kind = c.Operand.(string)
		case c.Path == "seq" && c.Operator == persistence.Greater:
			low = c.Operand.(int64)
		case c.Path == "seq":
			high = c.Operand.(int64)
		}
	}
	switch {
	case q.Collection == persistence.Actors && kind == "observer":
		docs = append(docs, s.observer)
	case q.Collection == persistence.Audits && s.doc != nil:
		docs = append(docs, *s.doc)
	case q.Collection == persistence.Activities:
		for _, a := range s.log {
			if a.Seq > low && a.Seq <= high {
				docs = append(docs, a)
			}
		}
	}
	return func(yield func(json.RawMessage, error) bool) {
		for _, doc := range docs {
			text, err := json.Marshal(doc)
			if !yield(text, err) {
				return
			}
		}
	}
}

func conditions(c persistence.Condition) (all []persistence.Compare) {
	switch c := c.(type) {
	case persistence.And:
		for _, one := range c {
			all = append(all, conditions(one)...)
		}
	case persistence.Compare:
		all = append(all, c)
	}
	return all
}

// versions is a chain of ledger versions with one event each. A page has one version.
type versions struct {
	chains.Chain
	last int64
	mu   sync.Mutex
	read []int64
}

func (v *versions) Advance(context.Context, *chains.View) (*chains.View, error) {
	return chains.NewLedger(v.last), nil
}

func (v *versions) Read(_ context.Context, _ *chains.View, _ markets.Source, after markets.Place, _ int64, _ int) (chains.Page, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := after.Seq + 1
	v.read = append(v.read, n)
	return chains.Page{To: markets.Place{Seq: n, Through: n}, Raws: []markets.Raw{{Position: markets.Position{Height: n}, Seq: n, Transaction: "t", Time: time.Unix(n, 0)}}}, nil
}

var counting = markets.Market{Name: "m", Kind: markets.Aptos, Streams: []markets.Stream{{
	Name: "s", Source: markets.Source{Types: []string{"0x1::m::E"}},
	Decode: func(transaction []markets.Raw) (events []markets.Event, _ []markets.Failure) {
		for _, raw := range transaction {
			events = append(events, markets.Event{Kind: markets.Listed, Order: "o", Position: raw.Position})
		}
		return events, nil
	},
}}}

// storeOf returns a chain of versions up to last, and a store whose log has their events.
func storeOf(last int64) (*fakeStore, *versions) {
	start := markets.Place{Seq: 0, Through: 0}
	end := markets.Place{Seq: last, Through: last}
	s := &fakeStore{observer: persistence.Actor{Kind: "observer", Chain: "c", Market: "m", Stream: "s", Place: end, Trail: markets.Trail{start, end}}}
	for n := int64(1); n <= last; n++ {
		s.log = append(s.log, markets.Activity{Chain: "c", Market: "m", Event: markets.Event{
			Kind: markets.Listed, Stream: "s", Order: "o", Seq: n, Position: markets.Position{Height: n}, Transaction: "t", Time: time.Unix(n, 0).UTC(),
		}})
	}
	return s, &versions{last: last}
}

func (v *versions) open(string) (Config, func(), error) {
	return Config{Chain: "c", Source: v, Markets: []markets.Market{counting}, Pause: time.Microsecond}, func() {}, nil
}

// regular returns regular audits of a store's chain, which is owned while owned returns
// true.
func regular(s *fakeStore, owned func() bool, log *bytes.Buffer) *Regular {
	return &Regular{
		Every: time.Hour, Node: "n", Store: s, Owns: func(string) bool { return owned() }, Look: time.Millisecond,
		Audited: func(string, persistence.AuditResult) {}, Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

// An audit that loses its chain writes nothing more, and the next owner resumes it.
func TestAnAuditIsResumed(t *testing.T) {
	s, chain := storeOf(10)
	owned := true
	s.put = func(doc persistence.Audit) {
		if doc.Streams[0].At.Seq == 4 {
			owned = false
		}
	}
	var out bytes.Buffer
	r := regular(s, func() bool { return owned }, &out)
	if err := r.look(t.Context(), "c", chain.open); !errors.Is(err, errNotOwned) {
		t.Fatalf("without its chain: %v", err)
	}
	if s.doc.Last != nil || s.doc.Streams[0].At.Seq != 4 || s.doc.Percent != 40 || s.doc.LastError != "" {
		t.Fatalf("left behind: %+v", s.doc)
	}
	owned, s.put, chain.read = true, nil, nil
	if err := r.look(t.Context(), "c", chain.open); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(chain.read, []int64{5, 6, 7, 8, 9, 10}) {
		t.Errorf("read %v", chain.read)
	}
	if last := s.doc.Last; last == nil || last.Events != 10 || last.Agree != 10 || s.doc.StartedAt != nil || len(s.doc.Streams) > 0 {
		t.Errorf("at the end: %+v", s.doc)
	}
	chain.read = nil
	if err := r.look(t.Context(), "c", chain.open); err != nil || len(chain.read) > 0 {
		t.Errorf("before the next one is due: read %v (%v)", chain.read, err)
	}
	s.doc.Last.StartedAt = s.doc.Last.StartedAt.Add(-r.Every)
	if err := r.look(t.Context(), "c", chain.open); err != nil || len(chain.read) != 10 {
		t.Errorf("when the next one is due: read %v (%v)", chain.read, err)
	}
	if strings.Contains(out.String(), "ERROR") {
		t.Errorf("the log has an error:\n%s", &out)
	}
}

// Differences are logged as an error, with the command that repairs them.
func TestAnAuditLogsDifferences(t *testing.T) {
	s, chain := storeOf(10)
	s.log = slices.Delete(s.log, 2, 4)
	var out bytes.Buffer
	differing := int64(0)
	r := regular(s, func() bool { return true }, &out)
	r.Audited = func(_ string, last persistence.AuditResult) { differing = last.Differ() }
	if err := r.look(t.Context(), "c", chain.open); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=ERROR", "missing=2", "agree=8", `repair="event-worker verify c --repair"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &out)
		}
	}
	if differing != 2 || *s.doc.Last.Streams[0].Before != 2 {
		t.Errorf("%d differences reported, document %+v", differing, s.doc.Last)
	}
}

// If a chain cannot be read, the reason and the progress of the audit are stored.
func TestAnAuditStoresItsError(t *testing.T) {
	s, chain := storeOf(10)
	var out bytes.Buffer
	r := regular(s, func() bool { return true }, &out)
	failing := errors.New("no endpoint answers")
	err := r.look(t.Context(), "c", func(string) (Config, func(), error) { return Config{}, nil, failing })
	if !errors.Is(err, failing) || s.doc.LastError != failing.Error() || s.doc.StartedAt == nil {
		t.Errorf("%v: %+v", err, s.doc)
	}
	if err := r.look(t.Context(), "c", chain.open); err != nil || s.doc.LastError != "" || s.doc.Last.Agree != 10 {
		t.Errorf("afterwards: %v, %+v", err, s.doc)
	}
}

// An audit that is resumed before its first page compares the entries at the start, too.
func TestAnAuditResumedAtItsStart(t *testing.T) {
	s, chain := storeOf(3)
	atStart := s.log[0]
	atStart.Seq, atStart.Position.Height = 0, 0
	s.log = append(s.log, atStart)
	cfg, _, _ := chain.open("c")
	cfg.Docs, cfg.LogOnly = s, true
	cfg.Resume = []Mark{{AuditStream: Stream{Market: "m", Stream: "s", From: 1, To: 3}, At: s.observer.Trail[0]}}
	report, err := Run(t.Context(), cfg)
	if err != nil || report.Extra != 1 || report.Agree != 3 {
		t.Errorf("%+v (%v)", report, err)
	}
}
