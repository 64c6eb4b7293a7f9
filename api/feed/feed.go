// Package feed serves the changes of documents as server-sent events.
//
// Guarantees:
//   - A reader that notes a position, reads the documents, and applies all events after that
//     position has the documents of the database. After a disconnection it continues with the
//     ID of its last event, and gets every change exactly once, in commit order.
//   - An event of finality follows all changes that it covers. What is final is never
//     retracted.
//   - A reader that stops reading delays no other reader: its response ends after a bounded
//     time.
package feed

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/persistence"
)

// The defaults of Options.
const (
	maxReaders = 100
	patience   = 30 * time.Second
	heartbeat  = 15 * time.Second
	finalEvery = 5 * time.Second
)

// Data is a store with a feed.
type Data interface {
	persistence.Querier
	persistence.Feed
}

// Options configure the feed. Zero values mean defaults.
type Options struct {
	Data       Data
	Log        *slog.Logger
	Readers    int           // the maximum at the same time; 100 by default
	Patience   time.Duration // how long a write to a reader may take; 30 s by default
	Heartbeat  time.Duration // between events of the position while nothing changes; 15 s
	FinalEvery time.Duration // between queries of finality; 5 s by default
}

// service serves all readers.
type service struct {
	Options
	readers chan struct{} // an element for each current reader
}

// Routes returns the routes of the package.
func Routes(o Options) []api.Route {
	o.Readers = cmp.Or(o.Readers, maxReaders)
	o.Patience = cmp.Or(o.Patience, patience)
	o.Heartbeat = cmp.Or(o.Heartbeat, heartbeat)
	o.FinalEvery = cmp.Or(o.FinalEvery, finalEvery)
	s := &service{o, make(chan struct{}, o.Readers)}
	return []api.Route{{Pattern: "GET /feed", Handler: s, Streams: true}}
}

// ServeHTTP serves one reader until the reader disconnects or the server closes.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, err := parse(r)
	if err != nil {
		api.Problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	default:
		w.Header().Set("Retry-After", "5")
		api.Problem(w, http.StatusServiceUnavailable, "too many readers follow the feed: try again later")
		return
	}
	if req.after == "" {
		if req.after, err = s.Data.Newest(r.Context()); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	st := &stream{service: s, request: req, w: w, control: http.NewResponseController(w), at: req.after}
	if err := st.follow(r.Context()); err != nil {
		s.end(st, r, err)
	}
}

// end handles the error with which a reader's feed has ended.
func (s *service) end(st *stream, r *http.Request, err error) {
	switch {
	case st.begun && errors.Is(err, persistence.ErrPositionGone):
		_ = st.send("gone", "", map[string]string{"error": goneText})
	case st.begun:
		s.log(r, err)
	default:
		s.fail(st.w, r, err)
	}
}

// fail answers a request whose feed has not begun.
func (s *service) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, persistence.ErrPositionInvalid):
		api.Problem(w, http.StatusBadRequest, "after, or Last-Event-ID, is not a position of this feed: take it from the ID of an event or from the header Feed-Position")
	case errors.Is(err, persistence.ErrPositionGone):
		api.Problem(w, http.StatusGone, goneText)
	default:
		s.log(r, err)
		w.Header().Set("Retry-After", "5")
		api.Problem(w, http.StatusServiceUnavailable, "the data cannot be read at the moment: try again later")
	}
}

// goneText says what to do when a position is gone.
const goneText = "the changes after this position are no longer kept: read the documents again, and follow the feed from the position in the header Feed-Position of that response"

// log logs an error unless the reader has caused it.
func (s *service) log(r *http.Request, err error) {
	if r.Context().Err() == nil && !errors.Is(err, errReader) {
		s.Log.Warn("a reader's feed has failed", "error", err)
	}
}
