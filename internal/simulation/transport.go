package simulation

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/imart/event-worker/internal/caller"
)

// transport carries a worker's requests to one node of a chain, or to the receiver of the
// webhook, in two steps like a call of the server.
type transport struct {
	of *process
	to http.Handler
}

var errUnreachable = errors.New("the host cannot be reached")

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	name := caller.Of(r.Context()) + " asks " + r.URL.Host + " " + summary(body)
	w := t.of.world
	if err := w.await(r.Context(), t.of, name, reading); err != nil {
		return nil, err
	}
	if t.of.dead || t.of.offline {
		return nil, errUnreachable
	}
	inner := httptest.NewRequestWithContext(r.Context(), r.Method, "/", bytes.NewReader(body))
	inner.Header = r.Header
	answer := httptest.NewRecorder()
	if !t.serve(answer, inner) {
		return nil, errUnreachable
	}
	if err := w.await(r.Context(), t.of, "answer to "+name, reading); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}

// serve has the host answer; false if it breaks the connection off.
func (t *transport) serve(w http.ResponseWriter, r *http.Request) (answered bool) {
	defer func() {
		if reason := recover(); reason != nil && reason != http.ErrAbortHandler {
			panic(reason)
		} else if reason != nil {
			answered = false
		}
	}()
	t.to.ServeHTTP(w, r)
	return true
}

// summary is the beginning of a request's body.
func summary(body []byte) string { return string(body[:min(len(body), 160)]) }
