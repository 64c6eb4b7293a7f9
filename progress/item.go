package progress

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// item is the subject of a log line: a stream with all its actors, or another actor.
type item struct {
	what string // stream or actor
	id   string
	Condition
	status string // of a stream, its subject's status
	lag    int64  // of a stream
}

// itemsOf returns a chain's items, by ID.
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

// condition is the state of an item at a look.
type condition struct {
	failing  bool
	restarts int64
	met      bool // whether it has reached finality at least once
	behind   int  // the number of consecutive looks at which it had not
}

// next returns the condition of an item that had condition c at the last look. The item
// has recovered only after a look without restarts: while it is being retried it looks
// healthy.
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

// late reports whether an item has been behind for several looks.
func (c condition) late() bool { return c.met && c.behind > 1 }
