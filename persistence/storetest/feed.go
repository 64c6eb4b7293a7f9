package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// fullHistory are the collections whose changes contain the documents as of each commit.
var fullHistory = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

var feedTests = []test{
	// A reader that starts with the documents after Newest and applies all changes arrives
	// at the documents of every commit, in order. A reader that stops and continues at its
	// position receives the same changes.
	{"FollowsEveryCommit", func(s *suite) {
		n := 0
		rapid.Check(s.T, func(t *rapid.T) {
			n++ // each run has its own chain in the same store
			r := &random{T: t, suite: s, model: newModel(), chain: fmt.Sprintf("fed-%d", n), epochs: []int64{0}}
			r.takeOver(t)
			r.claim(t)
			for range rapid.IntRange(0, 3).Draw(t, "commits before") {
				r.commit(t)
			}
			f := newFollower(r)
			for range rapid.IntRange(1, 5).Draw(t, "rounds") {
				for range rapid.IntRange(0, 4).Draw(t, "commits") {
					rapid.SampledFrom([]func(*rapid.T){r.commit, r.commit, r.commit, r.commit, r.takeOver, r.claim}).Draw(t, "call")(t)
					f.remember()
				}
				f.follow(rapid.IntRange(0, 20).Draw(t, "until"))
			}
			f.compare()
			r.clean(t)
		})
	}},
	// A reader that starts during concurrent commits receives all changes after its start.
	{"StartsWhileOthersCommit", func(s *suite) {
		s.observer()
		stop, stopped := make(chan struct{}), make(chan error, 1)
		go func() {
			var err error
			for i := int64(0); err == nil; i++ {
				select {
				case <-stop:
					stopped <- nil
					return
				default:
				}
				err = s.store.Commit(s.Context(), seaport, nil, func(tx persistence.Tx) error {
					e := listed("list", i, fmt.Sprint("o", i%7))
					return errors.Join(tx.Append(activities(seaport, e), nil), tx.PutOrders([]markets.Order{order(seaport, e)}))
				})
			}
			stopped <- err
		}()
		var copies []copied
		var positions []string
		for range 10 {
			at, err := s.store.Newest(s.Context())
			s.must(err)
			positions, copies = append(positions, at), append(copies, s.documents(chain))
		}
		close(stop)
		s.must(<-stopped)
		mark := s.mark("the end")
		for i, c := range copies {
			for _, change := range s.changesUntil(positions[i], mark, fullHistory) {
				c.apply(change)
			}
			if got, want := asJSON(c), asJSON(s.documents(chain)); got != want {
				s.Fatalf("reader %d has\n%s\nwant\n%s", i, got, want)
			}
		}
	}},
	{"YieldsOnlyRequestedCollections", func(s *suite) {
		at, err := s.store.Newest(s.Context())
		s.must(err)
		s.within(seaport, func(tx persistence.Tx) error {
			e := listed("list", 1, "a")
			return errors.Join(tx.Append(activities(seaport, e), nil), tx.PutOrders([]markets.Order{order(seaport, e)}))
		})
		mark := s.mark("the end")
		changes := s.changesUntil(at, mark, []string{persistence.Orders})
		if len(changes) != 1 || changes[0].Collection != persistence.Orders || changes[0].ID != "ethereum/seaport/a" || changes[0].Removed() {
			s.Errorf("%s", asJSON(changes))
		}
	}},
	// A reader of collections without changes receives its position, and may continue
	// there.
	{"YieldsItsPositionWhenIdle", func(s *suite) {
		first, err := s.store.Newest(s.Context())
		s.must(err)
		s.within(seaport, func(tx persistence.Tx) error {
			return tx.PutOrders([]markets.Order{order(seaport, listed("list", 1, "a"))})
		})
		s.mark("another change")
		var at string
		for c, err := range s.store.Changes(s.Context(), first, []string{persistence.Records}) {
			s.must(err)
			if c.Collection != "" || c.ID != "" || c.Document != nil {
				s.Fatalf("%s", asJSON(c))
			}
			if at = c.Position; at != first {
				break
			}
		}
		mark := s.mark("the end")
		if changes := s.changesUntil(at, mark, []string{persistence.Orders}); len(changes) > 0 {
			s.Errorf("%s", asJSON(changes))
		}
	}},
	{"RefusesInvalidPositions", func(s *suite) {
		valid, err := s.store.Newest(s.Context())
		s.must(err)
		if strings.ContainsFunc(valid, func(c rune) bool { return c <= ' ' || c > '~' }) {
			s.Errorf("position %q", valid)
		}
		for _, at := range []string{"", "x", "0", "-", "82", valid + "\n", " " + valid, valid[1:], valid + "Z", "-" + valid, valid + strings.Repeat("00", 5000), "{}", "8200"} {
			for _, err := range s.store.Changes(s.Context(), at, fullHistory) {
				if !errors.Is(err, persistence.ErrPositionInvalid) {
					s.Errorf("%.100q: %v", at, err)
				}
				break
			}
		}
	}},
	{"RefusesOtherCollections", func(s *suite) {
		at, err := s.store.Newest(s.Context())
		s.must(err)
		for _, name := range []string{"", "meta", persistence.SignedOrders, "changes"} {
			for _, err := range s.store.Changes(s.Context(), at, []string{persistence.Orders, name}) {
				if err == nil || !strings.Contains(err.Error(), "orders, activities") {
					s.Errorf("%q: %v", name, err)
				}
				break
			}
		}
	}},
	{"EndsWithItsContext", func(s *suite) {
		at, err := s.store.Newest(s.Context())
		s.must(err)
		ctx, cancel := context.WithCancel(s.Context())
		var last error
		for _, last = range s.store.Changes(ctx, at, fullHistory) {
			cancel()
		}
		cancel()
		if !errors.Is(last, context.Canceled) {
			s.Errorf("it ends with %v", last)
		}
	}},
}

// copied is a reader's copy: documents by collection and ID.
type copied map[string]map[string]string

// documents returns the documents of a chain in the collections in fullHistory.
func (s *suite) documents(chain string) copied {
	s.Helper()
	c := copied{}
	for _, collection := range fullHistory {
		c.fill(s, collection, persistence.Is("chain", chain))
	}
	return c
}

// fill reads the documents of a collection.
func (c copied) fill(s *suite, collection string, condition persistence.Condition) {
	s.Helper()
	docs := map[string]string{}
	for doc, err := range s.store.Query(s.Context(), persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: condition}}) {
		s.must(err)
		docs[keyOf(doc)] = string(doc)
	}
	c[collection] = docs
}

func (c copied) apply(change persistence.Change) {
	if change.Removed() {
		delete(c[change.Collection], change.ID)
	} else {
		c[change.Collection][change.ID] = string(change.Document)
	}
}

func (c copied) clone() copied {
	out := copied{}
	for name, docs := range c {
		out[name] = maps.Clone(docs)
	}
	return out
}

// mark commits a change by which readers know that they have all earlier ones, and returns
// its ID.
func (s *suite) mark(name string) string {
	s.Helper()
	s.takeOver(name)
	return name
}

// changesUntil returns the changes of some collections between a position and a mark.
func (s *suite) changesUntil(at, mark string, collections []string) (changes []persistence.Change) {
	s.Helper()
	for c, err := range s.store.Changes(s.Context(), at, append([]string{persistence.Leases}, collections...)) {
		s.must(err)
		switch {
		case c.Collection == persistence.Leases && c.ID == mark:
			return changes
		case slices.Contains(collections, c.Collection):
			changes = append(changes, c)
		}
	}
	s.Fatal("the feed has ended")
	return nil
}

// follower is a reader that stops and continues during a random run.
type follower struct {
	*random
	start   string // the first position
	at      string
	base    copied   // the documents after start
	commits []copied // the documents after each commit since
	seen    []persistence.Change
	marks   int
}

func newFollower(r *random) *follower {
	at, err := r.suite.store.Newest(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return &follower{random: r, start: at, at: at, base: r.suite.documents(r.chain)}
}

// remember records the documents after a commit.
func (f *follower) remember() { f.commits = append(f.commits, f.suite.documents(f.chain)) }

// followed are the collections that the follower reads.
var followed = append([]string{persistence.Actors, persistence.Leases}, fullHistory...)

// follow continues the reader until it has all changes, or about limit more.
func (f *follower) follow(limit int) {
	f.marks++
	mark := f.suite.mark(fmt.Sprint(f.chain, "-mark-", f.marks))
	for c, err := range f.suite.store.Changes(f.Context(), f.at, followed) {
		if err != nil {
			f.Fatal(err)
		}
		if f.at = c.Position; c.Collection != "" {
			f.seen = append(f.seen, c)
		}
		if limit--; limit < 0 || c.Collection == persistence.Leases && c.ID == mark {
			return
		}
	}
}

// compare lets the reader finish, and checks the changes that it has received.
func (f *follower) compare() {
	f.follow(1 << 20)
	last := f.seen[len(f.seen)-1].ID
	var whole []persistence.Change
	for c, err := range f.suite.store.Changes(f.Context(), f.start, followed) {
		if err != nil {
			f.Fatal(err)
		}
		if c.Collection != "" {
			whole = append(whole, c)
		}
		if c.Collection == persistence.Leases && c.ID == last {
			break
		}
	}
	hasHistory := func(c persistence.Change) bool { return slices.Contains(fullHistory, c.Collection) }
	f.same("with pauses and without", only(f.seen, hasHistory), only(whole, hasHistory))
	f.sameDocuments(only(f.seen, hasHistory))
	f.distinct(f.seen)
	f.sameActors(f.seen)
}

func only(changes []persistence.Change, keep func(persistence.Change) bool) []persistence.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c persistence.Change) bool { return !keep(c) })
}

// sameDocuments fails unless changes lead from the documents of each commit to those of the
// next, and no write-once document is written twice.
func (f *follower) sameDocuments(changes []persistence.Change) {
	at, next := f.base.clone(), 0
	arrive := func() {
		for next < len(f.commits) && asJSON(at) == asJSON(f.commits[next]) {
			next++
		}
	}
	arrive()
	for i, c := range changes {
		_, known := at[c.Collection][c.ID]
		once := c.Collection != persistence.Orders && c.Collection != persistence.Records
		if once && !c.Removed() && known || c.Removed() && !known {
			f.Fatalf("change %d, %s: the reader has %s %s already: %v", i, asJSON(c), c.Collection, c.ID, known)
		}
		at.apply(c)
		arrive()
	}
	if next < len(f.commits) {
		f.Fatalf("after %d of %d commits the reader has\n%s\nwant\n%s\nchanges\n%s", next, len(f.commits), asJSON(at), asJSON(f.commits[next]), asJSON(changes))
	}
}

// distinct fails if the position of a change is not after that of the previous one.
func (f *follower) distinct(changes []persistence.Change) {
	known, previous := map[string]bool{f.start: true}, f.start
	for _, c := range changes {
		if feed := f.suite.store; !feed.Reached(c.Position, previous) || feed.Reached(previous, c.Position) {
			f.Fatalf("position %s is not after %s", c.Position, previous)
		}
		previous = c.Position
		if known[c.Position] {
			f.Fatalf("position %s is repeated: %s", c.Position, asJSON(c))
		}
		known[c.Position] = true
	}
}

// sameActors fails unless the last change of each actor has its document.
func (f *follower) sameActors(changes []persistence.Change) {
	got := copied{persistence.Actors: {}}
	for _, c := range changes {
		if c.Collection == persistence.Actors {
			got.apply(c)
		}
	}
	want := copied{}
	want.fill(f.suite, persistence.Actors, persistence.Is("chain", f.chain))
	for id, doc := range got[persistence.Actors] {
		if doc != want[persistence.Actors][id] {
			f.Fatalf("actor %s is\n%s\nwant\n%s", id, doc, want[persistence.Actors][id])
		}
	}
}
