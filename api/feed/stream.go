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
	ask     *ask
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	at      string    // the position that the reader was told last
	told    time.Time // when
	final   finals
}

// errReader means that the reader has gone, or does not read.
var errReader = errors.New("the reader has gone or does not read")

// follow tells the reader of changes until it has gone.
func (s *stream) follow(ctx context.Context) error {
	for c, err := range s.Data.Changes(ctx, s.ask.after, s.ask.collections) {
		if err == nil && !s.begun {
			err = s.begin()
		}
		if err == nil {
			err = s.tellOf(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins the response, and tells where.
func (s *stream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects responses would delay the events
	s.begun = true
	return s.tellPosition(s.at)
}

// tellOf tells of a change, and of what follows from its position.
func (s *stream) tellOf(ctx context.Context, c persistence.Change) error {
	if c.Collection != "" {
		name, err := s.ask.Meaning(c)
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.Collection, c.ID, err)
		}
		if name != "" {
			if err := s.tellChange(name, c); err != nil {
				return err
			}
		}
	}
	if err := s.tellFinal(ctx, c); err != nil {
		return err
	}
	if c.Position != s.at && time.Since(s.told) >= s.Heartbeat || time.Since(s.told) >= 2*s.Heartbeat {
		return s.tellPosition(c.Position)
	}
	return nil
}

// told is the data of an event of a change.
type toldChange struct {
	Collection string          `json:"collection"`
	ID         string          `json:"id"`
	Document   json.RawMessage `json:"document,omitempty"`
}

func (s *stream) tellChange(name string, c persistence.Change) error {
	data := toldChange{Collection: c.Collection, ID: c.ID}
	if name == matching.Put {
		data.Document = c.Document
	}
	s.at, s.told = c.Position, time.Now()
	return s.send(name, c.Position, data)
}

// tellPosition tells a reader for whom there may be nothing else how far it is.
func (s *stream) tellPosition(at string) error {
	s.at, s.told = at, time.Now()
	return s.send("position", at, map[string]string{"position": at})
}

// send sends an event. The reader has to take it within the service's patience.
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
