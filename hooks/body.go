package hooks

import (
	"encoding/json"
	"time"
)

// event is an event as the receiver reads it.
type event struct {
	Type       string          `json:"type"`
	Collection string          `json:"collection,omitempty"`
	ID         string          `json:"id,omitempty"`
	Document   json.RawMessage `json:"document,omitempty"`
	Position   string          `json:"position,omitempty"` // after the event
}

// body is what is posted.
type body struct {
	ID       string    `json:"id"`
	Hook     string    `json:"hook"`
	Position string    `json:"position,omitempty"` // after the last event
	SentAt   time.Time `json:"sentAt"`             // for the first time, as far as the sender knows
	Events   []event   `json:"events"`
}

// PingOf is a test delivery to a hook: its id and body.
func PingOf(name string, now time.Time) (id string, text []byte, err error) {
	id = digest("ping " + name + " " + now.Format(time.RFC3339Nano))
	text, err = json.Marshal(body{ID: id, Hook: name, SentAt: now.UTC().Truncate(time.Millisecond), Events: []event{{Type: Ping}}})
	return id, text, err
}
