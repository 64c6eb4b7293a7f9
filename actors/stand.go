package actors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/markets"
)

// stand is since when something has stood at a place although it could go on. It
// outlives restarts: who fails again and again stands, too.
type stand struct {
	at     markets.Place
	since  time.Time
	warned time.Time
}

// holds notes where something stands, and whether it may rest there. It says whether
// it has stood there for too long.
func (s *stand) holds(at markets.Place, rests bool, now time.Time, most time.Duration) bool {
	if rests || at != s.at || s.since.IsZero() {
		*s = stand{at: at, since: now}
		return false
	}
	return most > 0 && now.Sub(s.since) >= most
}

// warns says whether it is time to warn of it, which is once a period.
func (s *stand) warns(now time.Time, every time.Duration) bool {
	if !s.warned.IsZero() && now.Sub(s.warned) < every {
		return false
	}
	s.warned = now
	return true
}

// Health is what stands in a process, and why. Its methods may be called at once from
// many goroutines.
type Health struct {
	mu    sync.Mutex
	stand map[string]string // reasons by the key of the actor's document
}

// NewHealth is the health of a process in which nothing stands.
func NewHealth() *Health { return &Health{stand: map[string]string{}} }

// note notes why an actor stands; no reason means that it does not.
func (h *Health) note(id, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason == "" {
		delete(h.stand, id)
	} else {
		h.stand[id] = reason
	}
}

// Ready returns an error for each stream and each chain's head that stands although its
// chain goes on, or because finality is broken: one line each.
func (h *Health) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, id := range slices.Sorted(maps.Keys(h.stand)) {
		all = append(all, fmt.Errorf("%s: %s", id, h.stand[id]))
	}
	return errors.Join(all...)
}
