package linear

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

// at returns an interval in seconds.
func at(call, back int) Interval {
	return Interval{time.Duration(call) * time.Second, time.Duration(back) * time.Second}
}

const ofChain = "chain-01/seaport/"

func put(collection, id, document string) Change {
	return Change{Collection: collection, ID: ofChain + id, Document: document}
}

func listed(id string, price int) Change {
	return put(persistence.Orders, id, fmt.Sprintf(`{"_id":%q,"status":"LISTING","price":"%d","token":{"collection":"c"},"listedAt":"2026-01-01T00:00:00Z","last":{"height":%d}}`, ofChain+id, price, price))
}

func sold(id string) Change {
	return put(persistence.Orders, id, fmt.Sprintf(`{"_id":%q,"status":"SOLD","price":"1"}`, ofChain+id))
}

// story is a log in which an order is listed, a cheaper one too, which is sold at 30 s,
// what a reorganisation takes back at 40 s. Each commit takes up to two seconds.
func story() *Log {
	sale := put(persistence.Activities, "sale", `{"kind":"sale"}`)
	l := &Log{}
	for i, changes := range [][]Change{
		{listed("a", 20)},
		{listed("b", 10)},
		{sold("b"), sale},
		{listed("b", 10), put(persistence.Activities, "sale", "")},
		{put(persistence.Orders, "a", "")},
	} {
		seconds := 10 * (i + 1)
		l.Commits = append(l.Commits, Commit{Time: uint64(seconds), Changes: changes, Interval: at(seconds, seconds+2)})
	}
	return l
}

func floor() *Query { return Pages("chain-01", "c")[2] }

func (c Change) read(client int, within Interval) Read {
	return Read{Client: client, Query: ByID("chain-01", c.ID), Answer: c.Document, Interval: within}
}

// page returns a response with the documents of some changes.
func page(q *Query, client int, within Interval, of ...Change) Read {
	var texts []string
	for _, c := range of {
		texts = append(texts, c.Document)
	}
	return Read{Client: client, Query: q, Answer: strings.Join(texts, "\n"), Interval: within}
}

func TestOrders(t *testing.T) {
	a, b := listed("a", 20), listed("b", 10)
	nothing := put(persistence.Orders, "b", "")
	for _, test := range []struct {
		name  string
		reads []Read
		legal bool
	}{
		{"nothing is read", nil, true},
		{"before, during and after a commit", []Read{nothing.read(0, at(13, 14)), nothing.read(0, at(20, 21)), b.read(1, at(21, 22)), b.read(0, at(23, 24))}, true},
		{"a slow response with an old state", []Read{nothing.read(0, at(19, 100)), b.read(1, at(23, 24))}, true},
		{"a slow response with a new state", []Read{b.read(0, at(1, 25)), nothing.read(1, at(19, 20))}, true},
		{"a reorganisation takes a sale back", []Read{sold("b").read(0, at(33, 34)), b.read(0, at(43, 44))}, true},
		{"a floor", []Read{page(floor(), 0, at(13, 14), a), page(floor(), 0, at(23, 24), b), page(floor(), 1, at(33, 34), a)}, true},
		{"the orders that have changed last", []Read{page(Pages("chain-01", "c")[0], 0, at(23, 24), a, b)}, true},
		{"another chain", []Read{{Query: ByID("chain-02", "chain-02/seaport/a"), Interval: at(33, 34)}}, true},

		{"a stale read", []Read{nothing.read(0, at(23, 24))}, false},
		{"a stale page", []Read{page(floor(), 0, at(23, 24), a)}, false},
		{"an order that was removed", []Read{a.read(0, at(53, 54))}, false},
		{"a state that never was", []Read{put(persistence.Orders, "b", `{"status":"CANCELED"}`).read(0, at(0, 100))}, false},
		{"an order that never was", []Read{listed("z", 1).read(0, at(0, 100))}, false},
		{"a state before its commit", []Read{b.read(0, at(13, 14))}, false},
		{"back to an older state, at another client", []Read{b.read(0, at(19, 20)), nothing.read(1, at(21, 22))}, false},
		{"a page older than an order read before", []Read{b.read(0, at(19, 20)), page(floor(), 1, at(21, 22), a)}, false},
		{"a page of two states", []Read{page(Pages("chain-01", "c")[0], 0, at(0, 100), sold("b"))}, false},
		{"a page in another order", []Read{page(Pages("chain-01", "c")[1], 0, at(23, 24), b, a)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			verdicts, err := story().Orders(test.reads)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				check(t, v, test.legal)
			}
		})
	}
}

// A response has everything before its position of the feed, whenever it was requested.
func TestPositionsOfPages(t *testing.T) {
	for after, legal := range map[uint64]bool{10: true, 20: true, 21: false, 99: false} {
		r := page(floor(), 0, at(19, 23), listed("a", 20))
		r.After = after
		verdicts, err := story().Orders([]Read{r})
		if err != nil {
			t.Fatal(err)
		}
		check(t, verdicts[0], legal)
	}
}

func TestOrdersThatAreNotJSON(t *testing.T) {
	l := &Log{Commits: []Commit{{Changes: []Change{put(persistence.Orders, "a", "{")}}}}
	if _, err := l.Orders([]Read{listed("a", 1).read(0, at(0, 1))}); err == nil {
		t.Error("no error")
	}
}

// received returns what a reader of the feed must have received of the story.
func received() Reader {
	r := Reader{Name: "a reader", From: 15, Through: 100, Meaning: Everything([]string{persistence.Orders, persistence.Activities})}
	sale := put(persistence.Activities, "sale", `{"kind":"sale"}`)
	r.Events = []Event{
		{Name: "put", Change: listed("b", 10), At: 21 * time.Second},
		{Name: "put", Change: sold("b"), At: 31 * time.Second},
		{Name: "put", Change: sale, At: 32 * time.Second},
		{Name: "put", Change: listed("b", 10), At: 41 * time.Second},
		{Name: "retracted", Change: put(persistence.Activities, "sale", ""), At: 42 * time.Second},
		{Name: "removed", Change: put(persistence.Orders, "a", ""), At: 60 * time.Second},
	}
	return r
}

func TestFeed(t *testing.T) {
	for _, test := range []struct {
		name    string
		corrupt func(r *Reader)
		legal   bool
	}{
		{"all", func(*Reader) {}, true},
		{"from the beginning", func(r *Reader) {
			r.From = 0
			r.Events = slices.Insert(r.Events, 0, Event{Name: "put", Change: listed("a", 20), At: 11 * time.Second})
		}, true},
		{"only orders", func(r *Reader) {
			r.Meaning = Everything([]string{persistence.Orders})
			r.Events = slices.DeleteFunc(r.Events, func(e Event) bool { return e.Collection == persistence.Activities })
		}, true},
		{"the listings of a chain", onlyListings, true},
		{"the listings of another chain", func(r *Reader) { r.Meaning, r.Events = Listings("chain-02"), nil }, true},
		{"up to its end", func(r *Reader) { r.Through = 40; r.Events = r.Events[:3] }, true},
		{"beyond its end", func(r *Reader) { r.Through = 40; r.Events = r.Events[:4] }, true},

		{"the first event is lost", func(r *Reader) { r.Events = r.Events[1:] }, false},
		{"an event is lost", func(r *Reader) { r.Events = slices.Delete(r.Events, 1, 2) }, false},
		{"the last event is lost", func(r *Reader) { r.Events = r.Events[:5] }, false},
		{"all are lost", func(r *Reader) { r.Events = nil }, false},
		{"a retraction is lost", func(r *Reader) { r.Events = slices.Delete(r.Events, 4, 5) }, false},
		{"a retraction is called a removal", func(r *Reader) { r.Events[4].Name = "removed" }, false},
		{"a sale is not removed from the listings", func(r *Reader) { onlyListings(r); r.Events = slices.Delete(r.Events, 1, 2) }, false},
		{"a sale is put into the listings", func(r *Reader) { onlyListings(r); r.Events[1].Name, r.Events[1].Change = "put", sold("b") }, false},
		{"an event comes twice", func(r *Reader) { r.Events = slices.Insert(r.Events, 2, r.Events[1]) }, false},
		{"two events of a commit are swapped", func(r *Reader) { swap(r.Events, 1, 2) }, false},
		{"two events are swapped", func(r *Reader) { swap(r.Events, 0, 1) }, false},
		{"an event of a state that never was", func(r *Reader) { r.Events[1].Document = "{}" }, false},
		{"an event before the reader's start", func(r *Reader) { r.From = 25 }, false},
		{"an event before its commit", func(r *Reader) { r.Events[1].At = 25 * time.Second }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := received()
			test.corrupt(&r)
			check(t, story().Feed(r), test.legal)
		})
	}
}

// onlyListings makes a reader one of the chain's listings.
func onlyListings(r *Reader) {
	r.Meaning = Listings("chain-01")
	r.Events = slices.DeleteFunc(r.Events, func(e Event) bool { return e.Collection != persistence.Orders })
	r.Events[1].Name, r.Events[1].Document = "removed", ""
}

func swap(events []Event, i, j int) {
	events[i].Name, events[j].Name = events[j].Name, events[i].Name
	events[i].Change, events[j].Change = events[j].Change, events[i].Change
}

// A history that is judged in several chunks is judged as a whole.
func TestLongFeeds(t *testing.T) {
	l, r := &Log{}, Reader{Name: "a reader", Through: 1 << 40, Meaning: Everything([]string{persistence.Orders})}
	for i := range 2*chunk + 10 {
		c := listed("a", i)
		l.Commits = append(l.Commits, Commit{Time: uint64(i + 1), Changes: []Change{c}, Interval: at(i, i+3)})
		r.Events = append(r.Events, Event{Name: "put", Change: c, At: time.Duration(i+1) * time.Second})
	}
	v := l.Feed(r)
	check(t, v, true)
	if v.Operations < 4*chunk {
		t.Errorf("%d operations were judged", v.Operations)
	}
	for _, lost := range []int{chunk - 1, chunk, 2 * chunk, 2*chunk + 9} {
		without := r
		without.Events = slices.Delete(slices.Clone(r.Events), lost, lost+1)
		check(t, l.Feed(without), false)
	}
}

// check checks that a history was judged correctly, and can be shown if it is illegal.
func check(t *testing.T, v Verdict, legal bool) {
	t.Helper()
	if (v.Fault == "") != legal {
		t.Errorf("the fault is %q", v.Fault)
	}
	if legal {
		return
	}
	path := filepath.Join(t.TempDir(), "history.html")
	if err := v.Visualize(path); err != nil {
		t.Fatal(err)
	}
	if page, err := os.ReadFile(path); err != nil || !strings.Contains(string(page), "commit 1") && !strings.Contains(string(page), "put") {
		t.Errorf("the visualisation lacks the history: %v", err)
	}
}

// Whatever the timing, responses with the state as of a moment between the request and the
// response are legal, and a response with a state from before all of that is not.
func TestAnyReadsAsOfAMoment(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, moments := randomLog(rt)
		var reads []Read
		for client := range 3 {
			now := 0
			for range rapid.IntRange(0, 6).Draw(rt, "reads") {
				call := now + rapid.IntRange(0, 10).Draw(rt, "pause")
				moment := call + rapid.IntRange(0, 10).Draw(rt, "until read")
				now = moment + rapid.IntRange(0, 10).Draw(rt, "until response")
				reads = append(reads, stateAt(l, moments, moment).read(client, at(call, now)))
			}
		}
		judged(rt, l, reads, true)
		last := moments[len(moments)-1]
		reads = append(reads, stateAt(l, moments, last-1).read(3, at(1000, 1001)))
		judged(rt, l, reads, false)
	})
}

// randomLog returns a log of an order's states, and the moments at which its commits took
// effect.
func randomLog(rt *rapid.T) (*Log, []int) {
	l, now := &Log{}, 0
	var moments []int
	for i := range rapid.IntRange(1, 8).Draw(rt, "commits") {
		call := now
		now += rapid.IntRange(1, 10).Draw(rt, "until the commit")
		moments = append(moments, now)
		back := now + rapid.IntRange(0, 10).Draw(rt, "until it is read")
		l.Commits = append(l.Commits, Commit{Time: uint64(i + 1), Changes: []Change{listed("a", i)}, Interval: at(call, back)})
	}
	return l, moments
}

// stateAt returns the order at a moment, which is not that of a commit: commits take effect
// before reads at the same time.
func stateAt(l *Log, moments []int, moment int) Change {
	state := put(persistence.Orders, "a", "")
	for i, m := range moments {
		if m <= moment {
			state = l.Commits[i].Changes[0]
		}
	}
	return state
}

func judged(rt *rapid.T, l *Log, reads []Read, legal bool) {
	verdicts, err := l.Orders(reads)
	if err != nil {
		rt.Fatal(err)
	}
	for _, v := range verdicts {
		if (v.Fault == "") != legal {
			rt.Fatalf("the fault is %q", v.Fault)
		}
	}
}
