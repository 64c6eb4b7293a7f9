package crashes

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/imart/event-worker/internal/devnet"
)

// webhook receives the deliveries of a webhook, each event of which it takes in once, and makes
// documents of them. It fails the first attempt of some deliveries, before or after it has taken
// them in; further ones succeed, since their sender waits twice as long before each.
type webhook struct {
	*httptest.Server
	mu        sync.Mutex
	random    *rand.Rand
	attempted map[string]bool // the IDs of deliveries that have arrived
	known     map[string]bool // and of those that it has taken in
	documents devnet.Contents
	wrong     error
}

func newWebhook(t *testing.T, seed uint64) *webhook {
	h := &webhook{random: rand.New(rand.NewPCG(seed, 2)), attempted: map[string]bool{}, known: map[string]bool{}, documents: devnet.Contents{}}
	for _, collection := range devnet.Collections {
		h.documents[collection] = map[string]string{}
	}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// The fates of an attempt; greater ones are like succeeds.
const (
	fails     = iota
	failsLate // after the delivery was taken in
	succeeds
)

type delivery struct {
	ID     string
	Events []struct {
		Type, Collection, ID string
		Document             json.RawMessage
	}
}

// ServeHTTP implements http.Handler.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var d delivery
	if json.NewDecoder(r.Body).Decode(&d) != nil {
		return // its sender was killed
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fate := succeeds
	if !h.attempted[d.ID] {
		h.attempted[d.ID] = true
		fate = h.random.IntN(10)
	}
	if fate == fails {
		http.Error(w, "not taken in", http.StatusServiceUnavailable)
		return
	}
	if !h.known[d.ID] {
		h.known[d.ID] = true
		h.takeIn(d)
	}
	if fate == failsLate {
		http.Error(w, "taken in", http.StatusServiceUnavailable)
	}
}

func (h *webhook) takeIn(d delivery) {
	for _, e := range d.Events {
		documents := h.documents[e.Collection]
		_, has := documents[e.ID]
		switch {
		case e.Type == "put":
			documents[e.ID] = string(e.Document)
		case (e.Type == "removed" || e.Type == "retracted") && has:
			delete(documents, e.ID)
		case h.wrong == nil:
			h.wrong = fmt.Errorf("the webhook got %s of %s %s", e.Type, e.Collection, e.ID)
		}
	}
}

// differences says how the documents differ from the model's.
func (h *webhook) differences(want devnet.Contents) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return devnet.Differences(h.documents, want), h.wrong
}
