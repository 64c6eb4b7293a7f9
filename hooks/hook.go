package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

// The types of events.
const (
	Put       = "put"       // the document is new, or has changed
	Removed   = "removed"   // it is no longer there, as its cause is done with
	Retracted = "retracted" // it is no longer there: a reorganisation or a rewind took its events back
	Gone      = "gone"      // of no document: events were lost to this hook, read the documents again
	Ping      = "ping"      // of no document: a test
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

	Collections     []string                      // of Collections
	Chains, Markets []string                      // all if empty
	Types           []string                      // all if empty
	Filters         map[string]persistence.Filter // by collection; not of what is no longer there
	GiveUp          time.Duration                 // from the first failure of a delivery until it is dead
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
	e := event{Type: typeOf(c), Collection: c.Collection, ID: c.ID, Document: c.Document, Position: c.Position}
	chain, rest, _ := strings.Cut(c.ID, "/")
	market, _, _ := strings.Cut(rest, "/")
	wanted := slices.Contains(h.Collections, c.Collection) && among(h.Chains, chain) && among(h.Markets, market) && among(h.Types, e.Type)
	if !wanted || c.Removed() {
		return e, wanted
	}
	matches, err := h.Filters[c.Collection].Matches(c.Document)
	return e, matches || err != nil
}

func typeOf(c persistence.Change) string {
	switch {
	case !c.Removed():
		return Put
	case c.Collection == persistence.DeadLetters:
		return Removed
	}
	return Retracted
}

func among(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}

// choice is a digest of which events the hook wants.
func (h Hook) choice() string {
	return digest(fmt.Sprintf("%q %q %q %q %#v", h.Collections, h.Chains, h.Markets, h.Types, h.Filters))
}

// deliveryID is the id of the delivery of the events between two positions.
func (h Hook) deliveryID(from, through string) string {
	return digest(fmt.Sprintf("%q %q %q", h.Name, from, through))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
