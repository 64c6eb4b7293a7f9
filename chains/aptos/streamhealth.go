package aptos

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/backoff"
)

// streamHealth is how the stream is doing.
type streamHealth struct {
	failures int       // in a row
	out      time.Time // until when the REST API is read instead
	class    string    // of the last error
	last     string
	errors   map[string]int64
	requests int64
	height   int64
}

const (
	streamOutLeast = time.Second
	streamOutMost  = time.Minute
)

// usable says whether there is a stream that is worth asking.
func (s *stream) usable() bool {
	if s == nil || s.life.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !time.Now().Before(s.health.out)
}

// note notes what came of asking the stream, and returns the error. The first error of
// several in a row is logged, and the success that ends them.
func (s *stream) note(ctx context.Context, err error) error {
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
		h.failures, h.out = 0, time.Time{}
		return nil
	}
	if h.errors == nil {
		h.errors = map[string]int64{}
	}
	h.class = chains.Class(err)
	h.errors[h.class]++
	h.last = err.Error()
	h.failures++
	h.out = time.Now().Add(backoff.Delay(h.failures, streamOutLeast, streamOutMost))
	if h.failures == 1 {
		s.log.Warn("the transaction stream failed: the REST API is read instead", "host", s.host, "reason", err)
	}
	return err
}

// status is how the stream is doing.
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

// asked notes that the server was asked.
func (s *stream) asked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.requests++
}

// saw notes a version that the server has.
func (s *stream) saw(version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.height = max(s.health.height, version)
}
