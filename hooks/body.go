package hooks

import (
	"encoding/json"
	"time"
)

// event is the JSON form of an event.
type event struct {
	Type       string          `json:"type"`
	Collection string          `json:"collection,omitempty"`
	ID         string          `json:"id,omitempty"`
	Document   json.RawMessage `json:"document,omitempty"`
	Position   string          `json:"position,omitempty"` // after the event
}

// body is the JSON body of a delivery.
type body struct {
	ID       string    `json:"id"`
	Hook     string    `json:"hook"`
	Position string    `json:"position,omitempty"` // after the last event
	SentAt   time.Time `json:"sentAt"`             // the first attempt of the sending process
	Events   []event   `json:"events"`
}

// PingOf returns the id and the body of a test delivery to a hook.
func PingOf(name string, now time.Time) (id string, text []byte, err error) {
	id = digest("ping " + name + " " + now.Format(time.RFC3339Nano))
	text, err = json.Marshal(body{ID: id, Hook: name, SentAt: now.UTC().Truncate(time.Millisecond), Events: []event{{Type: Ping}}})
	return id, text, err
}
