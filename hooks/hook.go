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
	Gone      = "gone" // of no document: events were lost to this hook, read the documents again
	Ping      = "ping" // of no document: a test
)

// Types are the types of the events that a hook can choose.
var Types = []string{Put, Removed, Retracted}

// Collections are those whose changes hooks deliver: what the markets of chains are, and not how
// the program works. Their keys begin with chain/market/.
var Collections = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

// Hook is what is delivered, and where to.
type Hook struct {
	Name   string
	URL    string // a secret but its host
	Secret []byte // signs what is delivered

	Collections []string // of Collections
	matching.Selection
	Types  []string      // all if empty
	GiveUp time.Duration // from the first failure of a delivery until it is dead
}

// Host is as much of the URL as may be shown.
func (h Hook) Host() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "its URL"
	}
	return u.Scheme + "://" + u.Host
}

// event is the hook's event of a change; false if it wants none.
func (h Hook) event(c persistence.Change) (event, bool) {
	if !slices.Contains(h.Collections, c.Collection) {
		return event{}, false
	}
	meaning, err := h.Meaning(c)
	if err != nil {
		meaning = Put // better one too many
	}
	e := event{Type: meaning, Collection: c.Collection, ID: c.ID, Position: c.Position}
	if meaning == Put {
		e.Document = c.Document
	}
	return e, meaning != "" && (len(h.Types) == 0 || slices.Contains(h.Types, meaning))
}

// choice is a digest of which events the hook wants.
func (h Hook) choice() string {
	return digest(fmt.Sprintf("%q %q %q %q %#v", h.Collections, h.Chains, h.Markets, h.Types, h.Filters))
}

// deliveryID is the id of the delivery of the events between two positions: of those that the
// hook wants, so that with another choice it is another one.
func (h Hook) deliveryID(from, through string) string {
	return digest(fmt.Sprintf("%q %q %q %q", h.Name, h.choice(), from, through))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
