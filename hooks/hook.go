package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/matching"
)

// The types of events.
const (
	Put       = matching.Put
	Removed   = matching.Removed
	Retracted = matching.Retracted
	Gone      = "gone" // without a document: events are missing, read the documents again
	Ping      = "ping" // without a document: a test
)

// Types are the types of events that a hook can select.
var Types = []string{Put, Removed, Retracted}

// Collections are the collections that hooks can select: data of markets, not the state of the
// program. Their _ids begin with chain/market/.
var Collections = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

// Hook is the configuration of a webhook.
type Hook struct {
	Name   string
	URL    string // secret except for its scheme and host
	Secret []byte // the key of signatures

	Collections []string // a subset of Collections
	matching.Selection
	Types  []string      // all if empty
	GiveUp time.Duration // from a delivery's first failure until it becomes a dead hook
}

// Host returns the public part of the URL: its scheme and host.
func (h Hook) Host() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "its URL"
	}
	return u.Scheme + "://" + u.Host
}

// event returns the hook's event for a change; false if the hook does not select it.
func (h Hook) event(c persistence.Change) (event, bool) {
	if !slices.Contains(h.Collections, c.Collection) {
		return event{}, false
	}
	meaning, err := h.Meaning(c)
	if err != nil {
		meaning = Put // an event too many is better than one too few
	}
	e := event{Type: meaning, Collection: c.Collection, ID: c.ID, Position: c.Position}
	if meaning == Put {
		e.Document = c.Document
	}
	return e, meaning != "" && (len(h.Types) == 0 || slices.Contains(h.Types, meaning))
}

// choice returns a digest of the hook's selection of events.
func (h Hook) choice() string {
	return digest(fmt.Sprintf("%q %q %q %q %#v", h.Collections, h.Chains, h.Markets, h.Types, h.Filters))
}

// deliveryID returns the id of the delivery of the events between two positions. It depends on
// the hook's choice, which determines those events.
func (h Hook) deliveryID(from, through string) string {
	return digest(fmt.Sprintf("%q %q %q %q", h.Name, h.choice(), from, through))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
