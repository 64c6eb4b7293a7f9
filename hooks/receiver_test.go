package hooks

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// manner is how a receiver treats a request.
type manner string

const (
	accepts     manner = "accepts"
	fails       manner = "fails"            // 500, without processing the delivery
	failsLate   manner = "fails late"       // 500 after it has processed the delivery
	refuses     manner = "refuses"          // 410
	redirects   manner = "redirects"        // 307
	limits      manner = "limits"           // 429 and Retry-After
	hangs       manner = "hangs"            // never answers
	hangsLate   manner = "hangs late"       // never answers after it has processed the delivery
	disconnects manner = "disconnects late" // closes the connection after it has processed it
	holds       manner = "holds"            // processes the delivery, answers once accept is closed
	drips       manner = "drips"            // accepts, with an endless body
)

var manners = []manner{accepts, accepts, hangsLate, fails, failsLate, refuses, redirects, limits, hangs, hangsLate, disconnects, drips}

// receiver is a server that ignores known deliveries.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	manners []manner // of the next requests; later ones are accepted
	known   map[string]string
	events  []event // of all deliveries, each once
	bodies  []body
	wrong   []error
	accept  chan struct{} // closed to answer requests of the manner holds
	asked   chan struct{} // an element if a request has come since the last awaitRequest
}

var secret = []byte("a secret of 16 bytes or more")

func newReceiver(t testing.TB, manners ...manner) *receiver {
	r := &receiver{manners: manners, known: map[string]string{}, accept: make(chan struct{}), asked: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) stop() {
	r.CloseClientConnections()
	r.Close()
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	text, err := io.ReadAll(q.Body)
	if err != nil {
		return // the sender was killed
	}
	answers := r.next()
	switch answers {
	case accepts, drips, holds, failsLate, hangsLate, disconnects:
		if err := r.process(q.Header, text); err != nil {
			r.mu.Lock()
			r.wrong = append(r.wrong, err)
			r.mu.Unlock()
		}
	}
	select {
	case r.asked <- struct{}{}:
	default:
	}
	switch answers {
	case fails, failsLate:
		w.WriteHeader(http.StatusInternalServerError)
	case refuses:
		w.WriteHeader(http.StatusGone)
	case redirects:
		http.Redirect(w, q, r.URL+"/elsewhere", http.StatusTemporaryRedirect)
	case limits:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case disconnects:
		panic(http.ErrAbortHandler)
	case holds:
		<-r.accept
	case hangs, hangsLate:
		<-q.Context().Done()
	case drips:
		for w.WriteHeader(http.StatusOK); q.Context().Err() == nil; {
			_, _ = w.Write(make([]byte, 1<<10))
		}
	}
}

// awaitRequest waits for a processed request; it returns false after the timeout most.
func (r *receiver) awaitRequest(most time.Duration) bool {
	select {
	case <-r.asked:
		return true
	case <-time.After(most):
		return false
	}
}

func (r *receiver) next() manner {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.manners) == 0 {
		return accepts
	}
	next := r.manners[0]
	r.manners = r.manners[1:]
	return next
}

// process follows the documentation for receivers.
func (r *receiver) process(header http.Header, text []byte) error {
	if err := Verify(secret, header.Get(SignatureHeader), text, time.Now(), 5*time.Minute); err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	if b.ID == "" || header.Get(DeliveryHeader) != b.ID || header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("headers %v of delivery %q", header, b.ID)
	}
	events, err := json.Marshal(b.Events)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[b.ID]; ok {
		if known != string(events) {
			return fmt.Errorf("delivery %s was repeated with events %s, first sent with %s", b.ID, events, known)
		}
		return nil
	}
	r.known[b.ID] = string(events)
	r.events, r.bodies = append(r.events, b.Events...), append(r.bodies, b)
	return nil
}

func (r *receiver) received() ([]event, []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[:len(r.events):len(r.events)], r.wrong
}

func (r *receiver) hook(name string) Hook {
	return Hook{
		Name: name, URL: r.URL + "/a/path?with=a-key", Secret: secret,
		Collections: []string{persistence.Orders, persistence.Activities}, GiveUp: time.Hour,
	}
}
