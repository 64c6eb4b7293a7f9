package history

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// story is a constructed history: a chain with the orders of a market and the observers
// of one stream, whose blocks have as many events as their number.
type story struct {
	*Checker
	now     time.Time
	commits byte
}

func newStory() *story {
	s := &story{Checker: NewChecker(func(_, _, block string) (Count, bool) {
		return Count{Events: int64(len(block))}, strings.Trim(block, "x") == ""
	})}
	s.lease("made", bson.D{{Key: "node", Value: "a"}, {Key: "app", Value: "app a"}, {Key: "epoch", Value: int64(1)}})
	for _, actor := range []bson.D{
		{{Key: "_id", Value: "chain/orders"}, {Key: "kind", Value: "orders"}},
		{{Key: "_id", Value: "chain/log"}, {Key: "kind", Value: "observer"}},
		{{Key: "_id", Value: "chain/documents"}, {Key: "kind", Value: "observer"}, {Key: "documents", Value: true}},
		{{Key: "_id", Value: "chain/subject"}, {Key: "kind", Value: "subject"}},
		{{Key: "_id", Value: "chain"}, {Key: "kind", Value: "chain"}, {Key: "node", Value: "a"}}, // has its lease's ID
	} {
		doc := append(actor, bson.D{
			{Key: "chain", Value: "chain"}, {Key: "stream", Value: "list"}, {Key: "epoch", Value: int64(1)},
			{Key: "incarnation", Value: int64(1)}, {Key: "seq", Value: int64(0)},
		}...)
		s.write(Change{Collection: persistence.Actors, ID: doc[0].Value.(string), Whole: true, Set: raw(doc)})
	}
	return s
}

func raw(doc bson.D) bson.Raw {
	b, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return b
}

func (s *story) write(changes ...Change) {
	s.now = s.now.Add(time.Second)
	s.Take(Transaction{At: s.now, Changes: changes})
}

func (s *story) lease(what string, fields bson.D) {
	whole := what == "made"
	if whole {
		fields = append(bson.D{{Key: "_id", Value: "chain"}}, fields...)
	}
	s.write(Change{Collection: persistence.Leases, ID: "chain", Whole: whole, Set: raw(fields)})
}

func change(actor string, fields ...bson.E) Change {
	id := "chain/" + actor
	if actor == "chain" { // the actor has its lease's ID
		id = actor
	}
	return Change{Collection: persistence.Actors, ID: id, Set: raw(fields)}
}

// takeOver makes a node the owner at an epoch.
func (s *story) takeOver(node string, epoch int64) {
	s.lease("", bson.D{{Key: "node", Value: node}, {Key: "app", Value: "app " + node}, {Key: "epoch", Value: epoch}})
	for _, actor := range []string{"chain", "orders", "log", "documents", "subject"} {
		s.write(change(actor, field("epoch", epoch)))
	}
}

func field(name string, value any) bson.E { return bson.E{Key: name, Value: value} }

// id returns a new commit ID of a process.
func (s *story) id(process byte) bson.ObjectID {
	s.commits++
	return bson.ObjectID{4: process, 11: s.commits}
}

// logged returns a commit of the log up to a block.
func (s *story) logged(process byte, block int) Change {
	return s.moved("log", s.id(process), block, int64(block))
}

func (s *story) moved(actor string, commit bson.ObjectID, block int, events int64) Change {
	return change(actor, field("commit", commit), field("seq", int64(block)), field("hash", strings.Repeat("x", block)), field("events", events))
}

// folded returns a commit of the documents up to a block, the orders' nth.
func (s *story) folded(process byte, block int, n int64) []Change {
	commit := s.id(process)
	return []Change{s.moved("documents", commit, block, int64(block)), change("orders", field("commit", commit), field("seq", n))}
}

// good is a history without violations.
func good(s *story) {
	s.write(s.logged('a', 1))
	s.write(s.folded('a', 1, 1)...)
	s.write(change("subject", field("seq", int64(1)), field("lag", int64(0)))) // a report
	s.takeOver("b", 2)
	s.write(change("chain", field("node", "b")))
	s.write(change("log", field("incarnation", int64(2))))
	s.write(s.logged('b', 3))
	s.write(s.folded('b', 3, 2)...)
	s.write(s.logged('b', 2)) // a rollback
	s.write(s.logged('b', 4))
	commit := s.id('b')
	s.write(change("documents", field("commit", commit), field("pending", bson.D{{Key: "seq", Value: 4}}), field("events", int64(3))),
		change("orders", field("commit", commit), field("seq", int64(3))))
	last := s.folded('b', 4, 4)
	last[0].Unset = []string{"pending"}
	s.write(last...)
}

func TestHistories(t *testing.T) {
	for _, test := range []struct {
		name string
		tell func(s *story)
		want string // empty: no violation
	}{
		{"of two owners", func(*story) {}, ""},
		{"and a third, back again", func(s *story) { s.takeOver("a", 3); s.write(s.logged('a', 5)) }, ""},
		{"an epoch falls", func(s *story) { s.write(change("log", field("epoch", int64(1)))) }, "epoch falls from 2 to 1"},
		{"an epoch above the lease's", func(s *story) { s.write(change("log", field("epoch", int64(3)))) }, "epoch 3 is above the lease's, 2"},
		{"an incarnation falls", func(s *story) { s.write(change("log", field("incarnation", int64(1)))) }, "incarnation goes from 2 to 1"},
		{"an incarnation is skipped", func(s *story) { s.write(change("log", field("incarnation", int64(4)))) }, "incarnation goes from 2 to 4"},
		{"a move without a commit", func(s *story) { s.write(change("log", field("seq", int64(5)))) }, "without a commit"},
		{"another branch without a commit", func(s *story) { s.write(change("log", field("hash", "y"))) }, "without a commit"},
		{"the old owner commits", func(s *story) { s.write(s.logged('a', 5)) }, "process 6100000000 commits at epoch 2, at which 6200000000 has committed"},
		{"another process commits first", func(s *story) { s.takeOver("a", 3); s.write(s.logged('b', 5)) }, "commits at epoch 3, at which another process acquired the chain"},
		{"another process commits instead of a new one", func(s *story) { s.takeOver("c", 3); s.write(s.logged('b', 5)) }, "commits at epoch 3, at which another process acquired the chain"},
		{"a new process commits instead of another", func(s *story) { s.takeOver("a", 3); s.write(s.logged('c', 5)) }, "commits at epoch 3, at which another process acquired the chain"},
		{"an epoch after a later one", func(s *story) {
			s.lease("", bson.D{field("node", "a"), field("app", "app a"), field("epoch", int64(3))})
			s.write(change("log", field("epoch", int64(3))))
			s.write(s.logged('a', 5))
			s.write(s.folded('b', 5, 5)...)
		}, "a commit of epoch 2 after one of epoch 3"},
		{"a commit before all are stamped", func(s *story) {
			s.lease("", bson.D{field("node", "a"), field("app", "app a"), field("epoch", int64(3))})
			s.write(change("log", field("epoch", int64(3))))
			s.write(s.logged('a', 5))
		}, "chain/log: commits at epoch 3 while other actors are at an earlier one: chain, chain/documents, chain/orders, chain/subject"},
		{"a commit twice", func(s *story) {
			again := s.logged('b', 5)
			s.write(again)
			s.write(s.logged('b', 6))
			s.write(again)
		}, "is made twice"},
		{"a commit is missing", func(s *story) { s.write(s.folded('b', 5, 6)...) }, "after commit 4 comes 6"},
		{"a commit does not start where the last ended", func(s *story) { s.write(s.moved("log", s.id('b'), 5, 9)) }, "has counted {Events:9 DeadLetters:0}, want {Events:5"},
		{"a block that never existed", func(s *story) { s.write(change("log", field("commit", s.id('b')), field("hash", "y"))) }, "which is not a block"},
		{"a portion that moves the actor", func(s *story) {
			moved := s.moved("documents", s.id('b'), 5, 5)
			moved.Set = raw(append(bson.D{field("pending", bson.D{})}, fieldsOf(moved)...))
			s.write(moved)
		}, "during a transition"},
		{"two commits in one transaction", func(s *story) { s.write(s.logged('b', 5), s.folded('b', 5, 5)[0]) }, "not by one commit and epoch"},
		{"a lease's epoch falls", func(s *story) { s.lease("", bson.D{field("epoch", int64(1))}) }, "epoch falls from 2 to 1"},
		{"a lease changes hands", func(s *story) { s.lease("", bson.D{field("node", "c")}) }, "from b to c within epoch 2"},
		{"an actor with its lease's ID", func(s *story) {
			s.write(change("chain", field("node", "c")))
		}, ""},
		{"a document is deleted", func(s *story) {
			s.write(Change{Collection: persistence.Actors, ID: "chain/log", Deleted: true})
		}, "was deleted"},
		{"a history without its start", func(s *story) { s.write(change("other", field("epoch", int64(1)))) }, "was never created"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStory()
			good(s)
			if faults := s.Faults(); len(faults) > 0 {
				t.Fatalf("faults in a good history: %q", faults)
			}
			test.tell(s)
			faults := strings.Join(s.Faults(), "\n")
			if test.want == "" && faults != "" || !strings.Contains(faults, test.want) {
				t.Errorf("faults: %q, want %q", faults, test.want)
			}
		})
	}
}

func fieldsOf(c Change) (doc bson.D) {
	if err := bson.Unmarshal(c.Set, &doc); err != nil {
		panic(err)
	}
	return doc
}

func TestFaultsAreBounded(t *testing.T) {
	s := newStory()
	for range maxFaults + 7 {
		s.write(change("other", field("epoch", int64(1))))
	}
	faults := s.Faults()
	if len(faults) != maxFaults+1 || faults[maxFaults] != "and 7 more" {
		t.Errorf("%d faults, the last is %q", len(faults), faults[len(faults)-1])
	}
}

// The silence of a take-over is between the last commit before it and the first commit
// of the new owner.
func TestTimes(t *testing.T) {
	s := newStory()
	s.write(s.logged('a', 1))
	s.lease("", bson.D{field("node", "b"), field("app", "app b"), field("epoch", int64(2))})
	s.write(s.logged('a', 2)) // before the epoch is stamped
	from := s.now
	s.takeOver("b", 2)
	if all := s.TakeOvers(); len(all) != 1 || all[0].To != "b" || !all[0].Silence.To.IsZero() {
		t.Fatalf("before the first commit: %+v", all)
	}
	s.write(s.logged('b', 3))
	want := Silence{from, s.now}
	if all := s.TakeOvers(); len(all) != 1 || all[0].Silence != want {
		t.Errorf("take-overs %+v, want %+v", all, want)
	}
	if all := s.Silences("chain"); len(all) != 2 || all[1] != want {
		t.Errorf("silences %+v, want %+v", all, want)
	}
}
