package devnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
)

// Receiver is the receiver of a webhook. It processes each delivery once, and applies the events
// to its documents. It fails the first attempt of some deliveries, before or after processing
// them; later attempts succeed, since the sender doubles its wait before each.
type Receiver struct {
	mu        sync.Mutex
	random    *rand.Rand
	attempted map[string]bool // the IDs of deliveries that have arrived
	processed map[string]bool // the IDs of deliveries that were processed
	positions map[string]bool // of processed events
	documents Contents
	wrong     error
}

// NewReceiver returns a receiver that draws which attempts fail.
func NewReceiver(random *rand.Rand) *Receiver {
	r := &Receiver{
		random: random, attempted: map[string]bool{}, processed: map[string]bool{}, positions: map[string]bool{}, documents: Contents{},
	}
	for _, collection := range Collections {
		r.documents[collection] = map[string]string{}
	}
	return r
}

// Clone returns a receiver that has processed the same deliveries.
func (r *Receiver) Clone() *Receiver {
	r.mu.Lock()
	defer r.mu.Unlock()
	clone := NewReceiver(rand.New(rand.NewPCG(r.random.Uint64(), 0)))
	clone.attempted, clone.processed, clone.positions = maps.Clone(r.attempted), maps.Clone(r.processed), maps.Clone(r.positions)
	clone.wrong = r.wrong
	for collection, documents := range r.documents {
		clone.documents[collection] = maps.Clone(documents)
	}
	return clone
}

// The fates of an attempt; greater ones are like succeeds.
const (
	fails     = iota
	failsLate // after processing
	succeeds
)

type delivery struct {
	ID     string
	Events []event
}

type event struct {
	Type, Collection, ID, Position string
	Document                       json.RawMessage
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var d delivery
	if json.NewDecoder(request.Body).Decode(&d) != nil {
		return // its sender was killed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fate := succeeds
	if !r.attempted[d.ID] {
		r.attempted[d.ID] = true
		fate = r.random.IntN(10)
	}
	if fate == fails {
		http.Error(w, "not processed", http.StatusServiceUnavailable)
		return
	}
	if !r.processed[d.ID] {
		r.processed[d.ID] = true
		r.process(d)
	}
	if fate == failsLate {
		http.Error(w, "processed", http.StatusServiceUnavailable)
	}
}

func (r *Receiver) process(d delivery) {
	for _, e := range d.Events {
		if err := r.apply(e); err != nil && r.wrong == nil {
			r.wrong = fmt.Errorf("delivery %s to the webhook: %s of %s %s at %s: %w", d.ID, e.Type, e.Collection, e.ID, e.Position, err)
		}
	}
}

func (r *Receiver) apply(e event) error {
	documents := r.documents[e.Collection]
	_, has := documents[e.ID]
	switch {
	case r.positions[e.Position]:
		return errors.New("already in an earlier delivery")
	case e.Type == "put":
		documents[e.ID] = string(e.Document)
	case (e.Type == "removed" || e.Type == "retracted") && has:
		delete(documents, e.ID)
	default:
		return errors.New("document not found")
	}
	r.positions[e.Position] = true
	return nil
}

// Differences says how the documents differ from those wanted. It returns an error if the
// receiver was sent an event twice, in different deliveries, or one that makes no sense.
func (r *Receiver) Differences(want Contents) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Differences(r.documents, want), r.wrong
}
