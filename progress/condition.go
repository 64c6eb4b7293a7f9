package progress

import (
	"time"

	"github.com/imart/event-worker/persistence"
)

// Condition is how one actor is, or several taken together.
type Condition struct {
	Running   bool      // at least one of them has not stopped
	Failing   string    // the worst state that keeps one from its work, retrying or finality_broken; or empty
	Reason    string    // the last error of the actor that is in that state
	Restarts  int64     // of all of them, by all processes that ever ran them
	UpdatedAt time.Time // when the newest of their documents was written
}

func (c *Condition) add(a persistence.Actor) {
	c.Running = c.Running || a.Status != persistence.Stopped
	c.Restarts += a.Restarts
	if a.Failing() && c.Failing != persistence.FinalityBroken {
		if c.Failing == "" || a.Status == persistence.FinalityBroken {
			c.Failing, c.Reason = a.Status, a.LastError
		}
	}
	if a.UpdatedAt.After(c.UpdatedAt) {
		c.UpdatedAt = a.UpdatedAt
	}
}
