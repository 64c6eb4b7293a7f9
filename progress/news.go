package progress

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// item is what news are about: a stream with all its actors, or another actor.
type item struct {
	what string // stream or actor
	id   string
	Condition
	status string // of a stream, what its subject says
	lag    int64  // of a stream
}

// itemsOf are the items of a chain, by ID.
func itemsOf(c *Chain) []item {
	var out []item
	for s := range c.Streams() {
		i := item{what: "stream", id: s.ID(), Condition: s.Condition, lag: s.Lag}
		if s.Subject != nil {
			i.status = s.Subject.Status
		}
		out = append(out, i)
	}
	for _, a := range c.Actors {
		i := item{what: "actor", id: a.ID}
		i.add(a)
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b item) int { return strings.Compare(a.id, b.id) })
	return out
}

// condition is what is remembered of an item from one look to the next.
type condition struct {
	failing  bool
	restarts int64
	met      bool // it has once reached finality
	behind   int  // looks in a row at which it had not
}

// next is the condition of an item that was in this one at the last look. It is well
// again only after a look without restarts: while it is tried again it looks well.
func (c condition) next(i item) condition {
	n := condition{
		failing:  i.Failing != "" || c.failing && i.Restarts != c.restarts,
		restarts: i.Restarts,
		met:      c.met || i.status == persistence.Following,
		behind:   c.behind,
	}
	switch i.status {
	case persistence.Backfilling:
		n.behind++
	case persistence.Following:
		n.behind = 0
	}
	return n
}

// late reports whether an item has fallen behind, and not just for a moment.
func (c condition) late() bool { return c.met && c.behind > 1 }
