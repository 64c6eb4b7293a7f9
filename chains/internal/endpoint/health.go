package endpoint

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// States of an endpoint.
const (
	Up         = "up"
	Limited    = "limited"     // its rate is limited, it is asked more slowly
	Lagging    = "lagging"     // behind what was asked for
	IsPruned   = "pruned"      // without the history asked for
	WrongChain = "wrong_chain" // serves another chain than configured
	Down       = "down"        // does not answer
)

// Status is how an endpoint is doing.
type Status struct {
	Host      string
	State     string           // one of the states
	Height    int64            // the newest block or ledger version seen there
	Rate      float64          // calls a second that it is asked at most at present; 0: no limit is known
	Latency   time.Duration    // moving average of its answers
	Requests  int64            // so far
	Errors    map[string]int64 // so far, by class
	LastError string           // without secrets, one line
}

// health is what is known of an endpoint's state.
type health struct {
	mu        sync.Mutex
	state     string    // empty: it has not answered yet
	told      string    // the state that was told last
	failures  int       // in a row
	out       time.Time // until when others are asked first
	verified  time.Time // when the endpoint last proved to serve the chain; zero: it has to
	wrongAt   time.Time // when it last served another chain
	height    int64
	heightAt  time.Time
	pruned    int64 // blocks below have no history there; 0: not known
	prunedAt  time.Time
	latency   time.Duration
	inFlight  int
	requests  int64
	errors    map[string]int64
	lastError string
}

const (
	outLeast    = 500 * time.Millisecond
	outMost     = 5 * time.Second
	outAfter    = 3               // failures in a row
	waitMost    = 2 * time.Second // for an endpoint, where there is no other
	prunedFor   = 10 * time.Minute
	wrongFor    = 10 * time.Second
	heightFor   = 5 * time.Second // a height that was seen says how far the endpoint is
	latencyPart = 8               // of the moving average, what the newest answer makes
)

// begin notes that a request is on its way.
func (h *health) begin() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight++
	h.requests++
	return time.Now()
}

// abandon notes that nobody waits for a request any more.
func (h *health) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight--
}

// end notes what came of a request.
func (h *health) end(took time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inFlight--
	if err == nil {
		if h.latency == 0 {
			h.latency = took
		}
		h.latency += (took - h.latency) / latencyPart
		h.failures = 0
		return
	}
	h.note(err)
}

// count counts an error.
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
	case Transport: // whatever answers next may be something else
		h.verified = time.Time{}
		h.fail(1)
	case Unauthorized:
		h.fail(outAfter)
	case Timeout, HTTP5xx, HTTP4xx, Malformed, Other:
		h.fail(1)
	}
}

// fail counts failures that say that the endpoint does not work.
func (h *health) fail(n int) {
	h.failures += n
	if h.failures >= outAfter {
		pause := min(outLeast<<min(h.failures-outAfter, 8), outMost)
		h.out = time.Now().Add(pause + rand.N(pause/4))
		h.state = Down
	}
}

// Proved notes that the endpoint serves the configured chain.
func (e *Endpoint) Proved() {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.verified = time.Now()
}

// ProvedWithin says whether the endpoint has proved to serve the configured chain
// within a time.
func (e *Endpoint) ProvedWithin(d time.Duration) bool {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	return !e.health.verified.IsZero() && time.Since(e.health.verified) < d
}

// Doubt makes the endpoint prove again that it serves the configured chain.
func (e *Endpoint) Doubt() {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.verified = time.Time{}
}

// Saw notes a height that the endpoint has.
func (e *Endpoint) Saw(height int64) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.height, e.health.heightAt = max(e.health.height, height), time.Now()
}

// PrunedBelow notes that the endpoint has no history below a height.
func (e *Endpoint) PrunedBelow(height int64) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	e.health.pruned, e.health.prunedAt = height, time.Now()
}

// IsWrong notes that the endpoint serves another chain.
func (e *Endpoint) IsWrong() { e.putOut(WrongChain, wrongFor) }

// WasWrongWithin says whether the endpoint has served another chain within a time.
func (e *Endpoint) WasWrongWithin(d time.Duration) bool {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	return !e.health.wrongAt.IsZero() && time.Since(e.health.wrongAt) < d
}

// IsLagging notes that the endpoint is behind what it was asked for.
func (e *Endpoint) IsLagging() { e.putOut(Lagging, outLeast) }

func (e *Endpoint) putOut(state string, d time.Duration) {
	e.health.mu.Lock()
	defer e.health.mu.Unlock()
	now := time.Now()
	e.health.state, e.health.out = state, now.Add(d)
	e.health.verified = time.Time{}
	if state == WrongChain {
		e.health.wrongAt = now
	}
}

// works notes that the endpoint answered what it was asked.
func (h *health) works() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state, h.failures, h.out = Up, 0, time.Time{}
}

// turn is a change of state that is to be told: once, whatever goes on at the same time.
func (h *health) turn() (was, is string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, h.told = h.told, h.state
	return was, h.state
}

// fitness is how an endpoint compares with others for a request; the least is asked.
type fitness struct {
	out      time.Duration // for which others are asked first
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
		out:      max(0, h.out.Sub(now), paused),
		pruned:   need.From > 0 && need.From < h.pruned && now.Sub(h.prunedAt) < prunedFor,
		behind:   need.To > h.height && now.Sub(h.heightAt) < heightFor,
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
		if h.pruned > 0 && time.Since(h.prunedAt) < prunedFor {
			s.State = IsPruned
		}
	}
	return s
}
