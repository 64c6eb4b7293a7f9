package linear

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/imart/event-worker/persistence"
)

// Event is an event of a change, as a reader of the feed has received it.
type Event struct {
	Name string // put, removed or retracted
	Change
	At time.Duration // when it was received
}

// Reader is what one reader has received, over all of its connections.
type Reader struct {
	Name   string
	Client int
	// Meaning returns the name of the event of a change, as docs/feed.md promises; empty if
	// the reader's parameters leave it out.
	Meaning func(Change) string
	// From and Through are the times in the positions at which the reader has started, and
	// up to which it has received everything.
	From, Through uint64
	Events        []Event
}

// chunk is how many events are judged at a time, to bound the checker's memory. After a
// legal chunk the reader has received a known number of changes.
const chunk = 1000

// Feed checks what a reader has received.
func (l *Log) Feed(r Reader) Verdict {
	object := "the feed of " + r.Name
	due := l.due(r)
	last := Verdict{Object: object}
	total := 0
	for first := 0; ; first += chunk {
		events := r.Events[first:min(first+chunk, len(r.Events))]
		ends := first+len(events) == len(r.Events)
		last = judge(object, feedModel(due, first), l.feedHistory(due, first, events, r, ends))
		total += last.Operations
		if last.Fault != "" || ends {
			break
		}
	}
	last.Operations = total
	return last
}

// owed is a change that a reader must receive.
type owed struct {
	Event
	commit int // its index in the log
	due    bool
}

// due returns the changes since a reader's start. Those after its end may be received, and
// need not be.
func (l *Log) due(r Reader) []owed {
	var all []owed
	for i := l.before(r.From); i < len(l.Commits); i++ {
		for _, c := range l.Commits[i].Changes {
			if name := r.Meaning(c); name != "" {
				all = append(all, owed{Event{Name: name, Change: sent(name, c)}, i, l.Commits[i].Time < r.Through})
			}
		}
	}
	return all
}

// sent returns the part of a change that its event has: only a put has the document.
func sent(name string, c Change) Change {
	if name != "put" {
		c.Document = ""
	}
	return c
}

// Everything is the Meaning of a reader of whole collections.
func Everything(collections []string) func(Change) string {
	return func(c Change) string {
		switch {
		case !slices.Contains(collections, c.Collection):
			return ""
		case c.Document != "":
			return "put"
		case c.Collection == persistence.Activities || c.Collection == persistence.DeadLetters:
			return "retracted"
		}
		return "removed"
	}
}

// ListingsOf is the parameters, and Listings the Meaning, of a reader of a chain's
// listings: an order that changes into another status is removed, whether it was a listing
// or not.
func ListingsOf(chain string) string {
	return "collection=orders&chain=" + chain + "&filter.orders={status:%22LISTING%22}"
}

// Listings is described at ListingsOf.
func Listings(chain string) func(Change) string {
	return func(c Change) string {
		if c.Collection != persistence.Orders || chainOf(c.ID) != chain {
			return ""
		}
		var o struct{ Status string }
		if c.Document != "" && json.Unmarshal([]byte(c.Document), &o) == nil && o.Status == "LISTING" {
			return "put"
		}
		return "removed"
	}
}

// queue is the state of a reader's queue.
type queue struct {
	committed int // how many commits of the log have taken effect
	received  int // how many changes the reader has taken out
}

// The operations on a queue.
type (
	commits struct { // a commit puts in its changes
		index  int
		commit *Commit
	}
	takes struct{ event *Event } // the reader takes one out
	ends  struct{}               // the reader finds nothing left that is due
)

func (c *commits) String() string {
	return fmt.Sprintf("commit %d: %s", c.index, summary(c.commit.Changes))
}
func (t *takes) String() string {
	return fmt.Sprintf("%s %s", t.event.Name, summary([]Change{t.event.Change}))
}
func (e *ends) String() string { return "nothing is left" }

// feedModel is that of a reader who has received some of its changes already.
func feedModel(due []owed, received int) porcupine.Model {
	start := queue{received: received}
	if received < len(due) {
		start.committed = due[received].commit
	}
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, _ any) (bool, any) {
			q := state.(queue)
			switch in := input.(type) {
			case *commits:
				return in.index == q.committed, queue{q.committed + 1, q.received}
			case *takes:
				legal := q.received < len(due) && due[q.received].commit < q.committed &&
					due[q.received].Name == in.event.Name && due[q.received].Change == in.event.Change
				return legal, queue{q.committed, q.received + 1}
			case *ends:
				return q.received >= len(due) || !due[q.received].due, q
			}
			return false, state
		},
		Hash:              func(state any) uint64 { q := state.(queue); return uint64(q.committed)<<32 | uint64(q.received) },
		DescribeOperation: func(input, _ any) string { return input.(fmt.Stringer).String() },
		DescribeState: func(state any) string {
			q := state.(queue)
			return fmt.Sprintf("%d commits, %d changes received", q.committed, q.received)
		},
	}
}

// feedHistory returns some of a reader's events, and the commits whose changes they may be.
func (l *Log) feedHistory(due []owed, first int, events []Event, r Reader, last bool) []porcupine.Operation {
	var history []porcupine.Operation
	if first < len(due) {
		through := due[min(first+len(events), len(due)-1)].commit
		for i := due[first].commit; i <= through; i++ {
			c := &l.Commits[i]
			history = append(history, operation(writer, &commits{i, c}, c.Interval))
		}
	}
	now := time.Duration(-1)
	next := func(input any, within Interval) { // after the previous one: equal times are concurrent
		within.Call = max(within.Call, now+1)
		now = max(within.Return, within.Call)
		history = append(history, operation(1+r.Client, input, Interval{within.Call, now}))
	}
	for i, e := range events {
		next(&takes{&events[i]}, Interval{Return: e.At})
	}
	if last {
		next(&ends{}, Interval{})
	}
	return history
}
