package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/matching"
)

// stream is the response to one reader.
type stream struct {
	*service
	request  *request
	w        http.ResponseWriter
	control  *http.ResponseController
	begun    bool
	at       string    // the last position that was sent
	sentAt   time.Time // the time when it was sent
	caughtUp bool      // the reader has once reached the end of the feed
	final    finals
}

// errReader means that the reader has disconnected or does not read.
var errReader = errors.New("the reader has disconnected or does not read")

// follow sends changes until the context ends or sending fails.
func (s *stream) follow(ctx context.Context) error {
	for c, err := range s.Data.Changes(ctx, s.request.after, s.request.collections) {
		if err == nil && !s.begun {
			err = s.begin()
		}
		if err == nil {
			err = s.process(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins the response with the start position.
func (s *stream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a buffering proxy would delay the events
	s.begun = true
	return s.sendPosition(s.at)
}

// process sends a change, and what has become due by its position.
func (s *stream) process(ctx context.Context, c persistence.Change) error {
	if c.Collection != "" {
		name, err := s.request.Meaning(c)
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.Collection, c.ID, err)
		}
		if name != "" {
			if err := s.sendChange(name, c); err != nil {
				return err
			}
		}
	}
	if err := s.sendFinal(ctx, c); err != nil {
		return err
	}
	quiet, advanced := time.Since(s.sentAt), c.Position != s.at
	// Readers that are often disconnected before a heartbeat must make progress, too.
	catchesUp := c.Collection == "" && advanced && !s.caughtUp
	if catchesUp || advanced && quiet >= s.Heartbeat || quiet >= 2*s.Heartbeat {
		s.caughtUp = s.caughtUp || catchesUp
		return s.sendPosition(c.Position)
	}
	return nil
}

// changeEvent is the data of an event of a change.
type changeEvent struct {
	Collection string          `json:"collection"`
	ID         string          `json:"id"`
	Document   json.RawMessage `json:"document,omitempty"`
}

func (s *stream) sendChange(name string, c persistence.Change) error {
	data := changeEvent{Collection: c.Collection, ID: c.ID}
	if name == matching.Put {
		data.Document = c.Document
	}
	s.at, s.sentAt = c.Position, time.Now()
	return s.send(name, c.Position, data)
}

// sendPosition sends a position without a change: the reader can continue from it.
func (s *stream) sendPosition(at string) error {
	s.at, s.sentAt = at, time.Now()
	return s.send("position", at, map[string]string{"position": at})
}

// send sends an event. The reader must receive it within the service's patience.
func (s *stream) send(name, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var event strings.Builder
	if id != "" {
		fmt.Fprintf(&event, "id: %s\n", id)
	}
	fmt.Fprintf(&event, "event: %s\ndata: %s\n\n", name, text)
	if err := s.control.SetWriteDeadline(time.Now().Add(s.Patience)); err != nil {
		return err
	}
	if _, err = s.w.Write([]byte(event.String())); err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errReader, err)
	}
	return nil
}
