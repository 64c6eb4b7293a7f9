package aptos

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/backoff"
)

// streamHealth is the state of the stream.
type streamHealth struct {
	failures   int       // in a row
	avoidUntil time.Time // until when the REST API is read instead
	class      string    // of the last error
	last       string
	errors     map[string]int64
	requests   int64
	height     int64
}

const (
	minStreamBackoff = time.Second
	maxStreamBackoff = time.Minute
)

// usable says whether there is a stream that has not just failed.
func (s *stream) usable() bool {
	if s == nil || s.ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !time.Now().Before(s.health.avoidUntil)
}

// noteResult records the outcome of using the stream, and returns the error. The first of
// several errors in a row is logged, and the success after them.
func (s *stream) noteResult(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.Canceled)) {
		return err // not the stream's
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.health
	if err == nil {
		if h.failures > 0 {
			s.log.Info("the transaction stream is back", "host", s.host, "failures", h.failures)
		}
		h.failures, h.avoidUntil = 0, time.Time{}
		return nil
	}
	if h.errors == nil {
		h.errors = map[string]int64{}
	}
	h.class = chains.Class(err)
	h.errors[h.class]++
	h.last = err.Error()
	h.failures++
	h.avoidUntil = time.Now().Add(backoff.Delay(h.failures, minStreamBackoff, maxStreamBackoff))
	if h.failures == 1 {
		s.log.Warn("the transaction stream failed: the REST API is read instead", "host", s.host, "reason", err)
	}
	return err
}

// status is the state of the stream as an endpoint's.
func (s *stream) status() chains.EndpointStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.health
	state := chains.EndpointUp
	switch {
	case h.failures > 0 && h.class == chains.Class(chains.ErrWrongChain):
		state = chains.EndpointWrongChain
	case h.failures > 0:
		state = chains.EndpointDown
	}
	return chains.EndpointStatus{Host: s.host, State: state, Height: h.height, Requests: h.requests, Errors: maps.Clone(h.errors), LastError: h.last}
}

func (s *stream) countRequest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.requests++
}

// noteHeight records a version that the server has.
func (s *stream) noteHeight(version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.height = max(s.health.height, version)
}
