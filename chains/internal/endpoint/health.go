package endpoint

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/internal/random"
)

// States of an endpoint.
const (
	Up          = "up"
	Limited     = "limited"     // paused, as it refused the rate
	Lagging     = "lagging"     // behind what was asked for
	StatePruned = "pruned"      // without the history asked for
	WrongChain  = "wrong_chain" // serves another chain than configured
	Down        = "down"        // does not answer
)

// Status is the state of an endpoint and its counters.
type Status struct {
	Host      string
	State     string           // one of the states
	Height    int64            // the newest block or ledger version seen there
	Rate      float64          // calls a second, the present limit; 0: none known
	Latency   time.Duration    // moving average of its answers
	Requests  int64            // so far
	Errors    map[string]int64 // so far, by class
	LastError string           // without secrets, one line
}

// health is what is known of an endpoint's state.
type health struct {
	mu          sync.Mutex
	state       string // empty until the first answer
	logged      string // the state that was logged last
	outage      outage.Outage
	failures    int       // in a row
	avoidUntil  time.Time // until then others are preferred
	verified    time.Time // when it last proved to serve the chain; zero: it must prove it
	wrongAt     time.Time // when it last served another chain
	height      int64
	heightAt    time.Time
	pruned      int64 // no history below this block; 0: unknown
	prunedAt    time.Time
	stateless   int64 // no state of this block and those below; 0: unknown
	statelessAt time.Time
	latency     time.Duration
	inFlight    int
	requests    int64
	errors      map[string]int64
	lastError   string
}

const (
	minBackoff        = 500 * time.Millisecond
	maxBackoff        = 5 * time.Second
	downAfter         = 3               // failures in a row
	maxAwait          = 2 * time.Second // for an endpoint to recover
	prunedTTL         = 10 * time.Minute
	wrongChainBackoff = 10 * time.Second
	heightTTL         = 5 * time.Second // how long a height that was seen counts
	latencyWeight     = 8               // 1/8 of the moving average is the newest answer
)

// requestStarted records that a request was sent.
func (h *health) requestStarted() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight++
	h.requests++
	return time.Now()
}

// requestAbandoned records that the caller of a request no longer waits.
func (h *health) requestAbandoned() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight--
}

// requestDone records the outcome of a request.
func (h *health) requestDone(took time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight--
	if err == nil {
		if h.latency == 0 {
			h.latency = took
		}
		h.latency += (took - h.latency) / latencyWeight
		h.failures = 0
		return
	}
	h.note(err)
}

// count records an error.
func (h *health) count(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(err)
}

func (h *health) note(err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrBudget) {
		return
	}
	if h.errors == nil {
		h.errors = map[string]int64{}
	}
	refusal := RefusalOf(err)
	h.errors[refusal.Class]++
	h.lastError = err.Error()
	switch refusal.Class {
	case Transport: // another node may answer next
		h.verified = time.Time{}
		h.fail(1)
	case Unauthorized:
		h.fail(downAfter)
	case Timeout, HTTP5xx, HTTP4xx, Malformed, Other:
		h.fail(1)
	}
}

// fail adds to the failures in a row. From downAfter on the endpoint is down for a while.
func (h *health) fail(n int) {
	h.failures += n
	if h.failures >= downAfter {
		pause := backoff.Delay(h.failures-downAfter+1, minBackoff, maxBackoff)
		h.avoidUntil = time.Now().Add(pause + random.N(pause/4))
		h.state = Down
	}
}

// MarkVerified records that the endpoint has proved to serve the configured chain.
func (e *Endpoint) MarkVerified() {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.verified = time.Now()
}

// VerifiedWithin says whether that was proved within a time.
func (e *Endpoint) VerifiedWithin(d time.Duration) bool {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	return !e.health.verified.IsZero() && time.Since(e.health.verified) < d
}

// RequireVerification makes the endpoint prove again that it serves the configured chain.
func (e *Endpoint) RequireVerification() {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.verified = time.Time{}
}

// NoteHeight records a height that the endpoint has.
func (e *Endpoint) NoteHeight(height int64) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.height, e.health.heightAt = max(e.health.height, height), time.Now()
}

// MarkPrunedBelow records that the endpoint has no history below a height.
func (e *Endpoint) MarkPrunedBelow(height int64) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.pruned, e.health.prunedAt = height, time.Now()
}

// MarkStateless records that the endpoint does not have the state of the block at a height.
func (e *Endpoint) MarkStateless(height int64) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	now := time.Now()
	if now.Sub(e.health.statelessAt) < prunedTTL {
		height = max(height, e.health.stateless)
	}
	e.health.stateless, e.health.statelessAt = height, now
}

// MarkWrongChain records that the endpoint serves another chain: it is avoided for a while.
func (e *Endpoint) MarkWrongChain() { e.avoid(WrongChain, wrongChainBackoff) }

// WasWrongWithin says whether the endpoint has served another chain within a time.
func (e *Endpoint) WasWrongWithin(d time.Duration) bool {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	return !e.health.wrongAt.IsZero() && time.Since(e.health.wrongAt) < d
}

// MarkLagging records that the endpoint is behind what it was asked for.
func (e *Endpoint) MarkLagging() { e.avoid(Lagging, minBackoff) }

// avoid makes the pool prefer others for a while.
func (e *Endpoint) avoid(state string, d time.Duration) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	now := time.Now()
	e.health.state, e.health.avoidUntil = state, now.Add(d)
	e.health.verified = time.Time{}
	if state == WrongChain {
		e.health.wrongAt = now
	}
}

// succeeded records that the endpoint answered what it was asked.
func (h *health) succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state, h.failures, h.avoidUntil = Up, 0, time.Time{}
}

// stateToLog returns the last logged state and the present one, which counts as logged from
// now on.
func (h *health) stateToLog() (was, is string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, h.logged = h.logged, h.state
	return was, h.state
}

// outOfService notes that an attempt has failed. It reports whether that is to be logged as
// an outage: the endpoint is down or serves another chain, and has been for longer than a moment.
func (h *health) outOfService() (state, since string, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != Down && h.state != WrongChain {
		return h.state, "", false
	}
	due = h.outage.Note(time.Now(), outage.Moment)
	return h.state, h.outage.Since(), due
}

// outageEnded returns how long the outage that was logged has lasted; 0 if none was.
func (h *health) outageEnded() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outage.End(time.Now())
}

// fitness is how an endpoint compares with others for a request, field by field; the least is
// asked.
type fitness struct {
	avoidFor time.Duration // for which others are asked first
	pruned   bool
	behind   bool
	priority int
	load     time.Duration
}

func (e *Endpoint) fitness(need Need) fitness {
	now := time.Now()
	paused := e.limiter.pausedFor(now)
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return fitness{
		avoidFor: max(0, h.avoidUntil.Sub(now), paused),
		pruned: need.From > 0 && need.From < h.pruned && now.Sub(h.prunedAt) < prunedTTL ||
			need.State > 0 && need.State <= h.stateless && now.Sub(h.statelessAt) < prunedTTL,
		behind:   need.To > h.height && now.Sub(h.heightAt) < heightTTL,
		priority: e.priority,
		load:     time.Duration(h.inFlight+1) * max(h.latency, time.Millisecond),
	}
}

// Status is how the endpoint is doing.
func (e *Endpoint) Status() Status {
	rate, paused := e.limiter.current(), e.limiter.pausedFor(time.Now())
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{
		Host: e.Host(), State: h.state, Height: h.height, Rate: rate, Latency: h.latency,
		Requests: h.requests, Errors: maps.Clone(h.errors), LastError: h.lastError,
	}
	switch {
	case s.State == "" || s.State == Up:
		s.State = Up
		if paused > 0 {
			s.State = Limited
		}
		if h.pruned > 0 && time.Since(h.prunedAt) < prunedTTL {
			s.State = StatePruned
		}
	}
	return s
}
