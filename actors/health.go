package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// stall is since when an actor has been at a place although it could go on. It outlives
// restarts: an actor that fails again and again is stalled, too.
type stall struct {
	at     markets.Place
	since  time.Time
	warned time.Time
}

// level is an error for the first warning of a stall, and a warning for those that repeat it.
func (s *stall) level() slog.Level {
	if s.warned.IsZero() {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// check notes an actor's place, and whether it may rest there. It says whether the actor
// has been there for too long; most is how long it may be, 0 for ever.
func (s *stall) check(at markets.Place, rests bool, now time.Time, most time.Duration) bool {
	if rests || at != s.at || s.since.IsZero() {
		*s = stall{at: at, since: now}
		return false
	}
	return most > 0 && now.Sub(s.since) >= most
}

// warns reports whether it is time to warn of it, which is once a period.
func (s *stall) warns(now time.Time, every time.Duration) bool {
	if !s.warned.IsZero() && now.Sub(s.warned) < every {
		return false
	}
	s.warned = now
	return true
}

// Health contains the stalled streams and heads of a process, and the reasons. Its methods
// are safe for concurrent use.
type Health struct {
	mu      sync.Mutex
	reasons map[string]string // by the key of the actor's document
}

// NewHealth is the health of a process in which nothing is stalled.
func NewHealth() *Health { return &Health{reasons: map[string]string{}} }

// note notes why an actor is stalled; no reason means that it is not.
func (h *Health) note(id, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason == "" {
		delete(h.reasons, id)
	} else {
		h.reasons[id] = reason
	}
}

// Ready returns an error for each stream and each chain's head that is stalled although
// its chain advances, or because finality is violated: one line each.
func (h *Health) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, id := range slices.Sorted(maps.Keys(h.reasons)) {
		all = append(all, fmt.Errorf("%s: %s", id, h.reasons[id]))
	}
	return errors.Join(all...)
}

// condition is what an actor tells of itself to the health of its process.
type condition struct {
	health   *Health
	stalled  string    // why the actor is stalled, if it is
	violated time.Time // since when it was logged that finality is violated; zero: it is not
	unwell   time.Time // since when the actor has been stalled; zero: it is not
}

// announce handles an actor's trouble: it notes whether the actor is stalled, and logs
// where a finality violation begins or ends.
func (c *condition) announce(inc *supervision.Incarnation, state, reason string, subject ...any) {
	unready, violated := c.stalled, state == persistence.FinalityBroken
	if violated {
		unready = reason
	}
	c.health.note(inc.Claim.ID, unready)
	switch {
	case violated == !c.violated.IsZero():
	case violated:
		c.violated = time.Now()
		inc.Log.Error("finality is broken: nothing is rolled back until that is confirmed", append(subject, "reason", reason)...)
	default:
		inc.Log.Info("finality is no longer in question", append(subject, outage.Lasted, time.Since(c.violated).Round(time.Millisecond))...)
		c.violated = time.Time{}
	}
}

// noteStall notes since when the actor has been stalled. It returns how long that has lasted
// once the actor advances again, and else 0.
func (c *condition) noteStall(since, now time.Time) (lasted time.Duration) {
	switch {
	case c.stalled != "" && c.unwell.IsZero():
		c.unwell = since
	case c.stalled == "" && !c.unwell.IsZero():
		lasted = max(now.Sub(c.unwell).Round(time.Millisecond), time.Millisecond)
		c.unwell = time.Time{}
	}
	return lasted
}

// clear is for an actor that ends.
func (c *condition) clear(inc *supervision.Incarnation) { c.health.note(inc.Claim.ID, "") }
