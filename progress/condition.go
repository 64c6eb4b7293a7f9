package progress

import (
	"time"

	"github.com/imart/event-worker/persistence"
)

// Condition is the condition of one actor, or of several taken together.
type Condition struct {
	Running   bool      // at least one of them has not stopped
	Failing   string    // the worst failing state, retrying or finality_broken; empty if none fails
	Reason    string    // the last error of the actor that is in that state
	Restarts  int64     // of all actors, by all processes that have ever run them
	UpdatedAt time.Time // when the newest of their documents was written

	failing map[string]int64 // failing actors by state
}

// InState counts the actors in a failing state, retrying or finality_broken.
func (c *Condition) InState(state string) int64 { return c.failing[state] }

func (c *Condition) add(a persistence.Actor) {
	c.Running = c.Running || a.Status != persistence.Stopped
	c.Restarts += a.Restarts
	if a.UpdatedAt.After(c.UpdatedAt) {
		c.UpdatedAt = a.UpdatedAt
	}
	if !a.Failing() {
		return
	}
	if c.failing == nil {
		c.failing = map[string]int64{}
	}
	c.failing[a.Status]++
	if c.Failing == "" || a.Status == persistence.FinalityBroken && c.Failing != a.Status {
		c.Failing, c.Reason = a.Status, a.LastError
	}
}
