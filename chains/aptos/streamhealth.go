package aptos

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/imart/event-worker/chains"
)

// streamHealth is how the stream is doing.
type streamHealth struct {
	failures int       // in a row
	out      time.Time // until when the REST API is read instead
	errors   map[string]int64
	last     string
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
	h.errors[chains.Class(err)]++
	h.last = err.Error()
	h.out = time.Now().Add(min(streamOutLeast<<min(h.failures, 8), streamOutMost))
	if h.failures++; h.failures == 1 {
		s.log.Warn("the transaction stream failed: the REST API is read instead", "host", s.host, "reason", err)
	}
	return err
}

// StreamStatus is how a chain's transaction stream is doing.
type StreamStatus struct {
	Host      string
	Up        bool
	Errors    map[string]int64 // by class
	LastError string           // without secrets
}

// Stream is how the transaction stream is doing; false without one.
func (c *Chain) Stream() (StreamStatus, bool) {
	if c.stream == nil {
		return StreamStatus{}, false
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	h := c.stream.health
	return StreamStatus{Host: c.stream.host, Up: h.failures == 0, Errors: maps.Clone(h.errors), LastError: h.last}, true
}
