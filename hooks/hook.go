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
	"github.com/imart/event-worker/persistence/matching"
)

// The types of events.
const (
	Put       = "put"       // the document is new, or has changed
	Removed   = "removed"   // an order or record is no longer there, or no longer matches the filter
	Retracted = "retracted" // what has happened is taken back, by a reorganisation or a rewind
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
	Filters         map[string]persistence.Filter // by collection; of documents that are there
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

// replaced are the collections whose documents change. A document that no longer matches a
// filter is as good as removed.
var replaced = []string{persistence.Orders, persistence.Records}

// event is the hook's event of a change; false if it wants none.
func (h Hook) event(c persistence.Change) (event, bool) {
	chain, rest, _ := strings.Cut(c.ID, "/")
	market, _, _ := strings.Cut(rest, "/")
	if !slices.Contains(h.Collections, c.Collection) || !among(h.Chains, chain) || !among(h.Markets, market) {
		return event{}, false
	}
	e := event{Type: Retracted, Collection: c.Collection, ID: c.ID, Position: c.Position}
	if slices.Contains(replaced, c.Collection) {
		e.Type = Removed
	}
	if !c.Removed() {
		switch matches, err := matching.Document(h.Filters[c.Collection], c.Document); {
		case matches || err != nil:
			e.Type, e.Document = Put, c.Document
		case e.Type == Retracted:
			return e, false
		}
	}
	return e, among(h.Types, e.Type)
}

func among(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
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
