// Package feed serves the changes of documents as server-sent events.
//
// Guarantees:
//   - A reader that takes the documents after a position, and applies all events from there,
//     has the documents of the database. One that is cut off continues with the ID of its
//     last event, and gets every change exactly once, in the order of the commits.
//   - What is told to be final was told before, and is not taken back later.
//   - A reader that does not read holds up nobody: its response waits for it, and ends after
//     a while.
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

// Data is what is served.
type Data interface {
	persistence.Querier
	persistence.Feed
}

// Options say what is served. Zero values mean defaults.
type Options struct {
	Data       Data
	Log        *slog.Logger
	Readers    int           // at a time
	Patience   time.Duration // with a reader that does not read
	Heartbeat  time.Duration // between events that only tell the position
	FinalEvery time.Duration // how often to look for what has become final
}

// service serves all readers.
type service struct {
	Options
	places chan struct{} // taken by readers
}

// Routes are those of the package.
func Routes(o Options) []api.Route {
	o.Readers = cmp.Or(o.Readers, maxReaders)
	o.Patience = cmp.Or(o.Patience, patience)
	o.Heartbeat = cmp.Or(o.Heartbeat, heartbeat)
	o.FinalEvery = cmp.Or(o.FinalEvery, finalEvery)
	s := &service{o, make(chan struct{}, o.Readers)}
	return []api.Route{{Pattern: "GET /feed", Handler: s, Streams: true}}
}

// ServeHTTP serves one reader until it or the server is closed.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ask, err := parse(r)
	if err != nil {
		api.Problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		w.Header().Set("Retry-After", "5")
		api.Problem(w, http.StatusServiceUnavailable, "too many readers follow the feed: come back later")
		return
	}
	if ask.after == "" {
		if ask.after, err = s.Data.Newest(r.Context()); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	st := &stream{service: s, ask: ask, w: w, control: http.NewResponseController(w), at: ask.after}
	if err := st.follow(r.Context()); err != nil {
		s.end(st, r, err)
	}
}

// end tells a reader why its feed has ended.
func (s *service) end(st *stream, r *http.Request, err error) {
	switch {
	case st.begun && errors.Is(err, persistence.ErrPositionGone):
		_ = st.send("gone", "", map[string]string{"error": goneText})
	case st.begun:
		s.tell(r, err)
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
		s.tell(r, err)
		w.Header().Set("Retry-After", "5")
		api.Problem(w, http.StatusServiceUnavailable, "the data cannot be read at the moment: come back later")
	}
}

// goneText says what to do when a position is gone.
const goneText = "the changes after this position are no longer kept: read the documents again, and follow the feed from the position in the header Feed-Position of that response"

// tell logs an error that is not the reader's.
func (s *service) tell(r *http.Request, err error) {
	if r.Context().Err() == nil && !errors.Is(err, errReader) {
		s.Log.Warn("the feed of a reader has ended", "error", err)
	}
}
