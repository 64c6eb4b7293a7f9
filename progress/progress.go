// Package progress derives the progress of every stream from the actors' documents. The
// status command, the demo's panel, the log of run and the metrics all show it.
//
// It guarantees:
//   - the result depends on the documents alone, not on their order;
//   - a stream is where the slowest of its observers is, and its events are those in its
//     log, which are not counted again for its other observers;
//   - something that fails is never hidden by something that does not, and a finality
//     violation never by another failure.
//
// For example, with the chain's head at 130:
//
//	ethereum/seaport/list/subject     following    seq 90   lag 40
//	ethereum/seaport/list/activity    following    seq 120  7 events
//	ethereum/seaport/list/order-list  backfilling  seq 100  7 events
//
// The stream list is at 100, 30 blocks behind (the subject's document is older than its
// observers' and says 40), with 7 events, and following. If it was at 80 ten seconds
// earlier, it advances 2 blocks a second and reaches the head in 15 s.
package progress

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Tree holds the progress of all chains, by name.
type Tree []*Chain

// Chain is the progress of a chain.
type Chain struct {
	Name      string
	Markets   []*Market           // by name
	Actors    []persistence.Actor // those of no stream: the chain's, its head, its markets'; by ID
	Head      *persistence.Actor  // the document of its head; nil if there is none
	Condition                     // of all its actors

	// RequestsPerSecond to all of its endpoints; 0 unless a Meter has measured it.
	RequestsPerSecond float64

	blocks bool // whether its places have hashes: its sequence numbers are heights
}

// Market is the progress of a market on a chain.
type Market struct {
	Name    string
	Streams []*Stream // by name
}

// Read reads the documents of the actors that match the filter.
func Read(ctx context.Context, docs persistence.Querier, filter persistence.Filter) (Tree, error) {
	all, err := persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors, Filter: filter})
	if err != nil {
		return nil, err
	}
	return Of(all), nil
}

// Of derives the tree from actors' documents, in any order.
func Of(actors []persistence.Actor) Tree {
	actors = slices.Clone(actors)
	slices.SortFunc(actors, func(a, b persistence.Actor) int { return strings.Compare(a.ID, b.ID) })
	var t Tree
	for _, a := range actors {
		t.chain(a.Chain).add(a)
	}
	for _, c := range t {
		for s := range c.Streams() {
			s.blocks = c.blocks
			s.derive()
		}
	}
	t.sort()
	return t
}

// Streams yields all streams, by chain, market and name.
func (t Tree) Streams() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		for _, c := range t {
			for s := range c.Streams() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Streams yields the chain's streams, by market and name.
func (c *Chain) Streams() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		for _, m := range c.Markets {
			for _, s := range m.Streams {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Events counts the events in the logs of the chain's streams.
func (c *Chain) Events() (n int64) {
	for s := range c.Streams() {
		n += s.Events
	}
	return n
}

// Height returns the height of one of the chain's actors, in the unit of the head; false if
// it is unknown.
func (c *Chain) Height(a persistence.Actor) (int64, bool) {
	if a.Kind == "head" {
		return a.Place.Height(), a.Head > 0
	}
	return heightOf(a.Place, c.blocks)
}

// Requests returns the number of requests to the chain's endpoints since its owner started.
func (c *Chain) Requests() (n int64) {
	if c.Head == nil {
		return 0
	}
	for _, e := range c.Head.Endpoints {
		n += e.Requests
	}
	return n
}

// Slowest returns the stream that is furthest behind the head; nil if the chain has none. A
// stream of which nothing has been read counts as furthest behind.
func (c *Chain) Slowest() (slowest *Stream) {
	for s := range c.Streams() {
		if slowest == nil || s.remaining() > slowest.remaining() {
			slowest = s
		}
	}
	return slowest
}

// Behind counts the streams that still have history to read.
func (c *Chain) Behind() (n int) {
	for s := range c.Streams() {
		if s.Behind() {
			n++
		}
	}
	return n
}

// ETA returns the time until all of the chain's streams reach the head; false if a stream
// that has history to read does not advance.
func (c *Chain) ETA() (longest time.Duration, known bool) {
	for s := range c.Streams() {
		eta, known := s.ETA()
		if s.Behind() && !known {
			return 0, false
		}
		longest = max(longest, eta)
	}
	return longest, true
}

// Lag is that of the chain's slowest stream, in heights.
func (c *Chain) Lag() (most int64) {
	for s := range c.Streams() {
		most = max(most, s.Lag)
	}
	return most
}

func (c *Chain) add(a persistence.Actor) {
	c.Condition.add(a)
	c.blocks = c.blocks || a.Hash != ""
	if a.Stream != "" {
		c.market(a.Market).stream(c.Name, a.Stream).add(a)
		return
	}
	c.Actors = append(c.Actors, a)
	if a.Kind == "head" {
		c.Head = &a
	}
}

func (t *Tree) chain(name string) *Chain {
	for _, c := range *t {
		if c.Name == name {
			return c
		}
	}
	c := &Chain{Name: name}
	*t = append(*t, c)
	return c
}

func (c *Chain) market(name string) *Market {
	for _, m := range c.Markets {
		if m.Name == name {
			return m
		}
	}
	m := &Market{Name: name}
	c.Markets = append(c.Markets, m)
	return m
}

func (m *Market) stream(chain, name string) *Stream {
	for _, s := range m.Streams {
		if s.Name == name {
			return s
		}
	}
	s := &Stream{Chain: chain, Market: m.Name, Name: name}
	m.Streams = append(m.Streams, s)
	return s
}

// sort sorts by names: IDs are not in that order where one name continues another.
func (t Tree) sort() {
	slices.SortFunc(t, func(a, b *Chain) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range t {
		slices.SortFunc(c.Markets, func(a, b *Market) int { return cmp.Compare(a.Name, b.Name) })
		for _, m := range c.Markets {
			slices.SortFunc(m.Streams, func(a, b *Stream) int { return cmp.Compare(a.Name, b.Name) })
		}
	}
}
