package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// handler passes requests to routes.
type handler struct {
	mux               *http.ServeMux
	access            *access
	requests, streams *room
	log               *slog.Logger
}

// newHandler returns the routes behind the checks that the package documents.
func newHandler(o Options, a *access, onLoopback bool) http.Handler {
	h := &handler{
		mux: http.NewServeMux(), access: a, log: o.Log,
		requests: newRoom(maxRequests, maxRequestsOfOne), streams: newRoom(maxStreams, maxStreamsOfOne),
	}
	for _, r := range append(a.routes(), o.Routes...) {
		h.mux.Handle(r.Pattern, h.guard(r))
	}
	outer := limitRate(o.Rate, sameOrigin(h))
	outer = origins(o.Origins).middleware(outer)
	if onLoopback {
		outer = local(outer)
	}
	return h.recovering(outer)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if standard, pattern := h.mux.Handler(r); pattern == "" {
		unrouted(w, r, standard)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// guard passes requests to a route if the client may use it and there is room for them.
func (h *handler) guard(r Route) http.Handler {
	room := h.requests
	if r.Streams {
		room = h.streams
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !h.access.allows(w, req, r) || !room.enter(w, req) {
			return
		}
		defer room.leave(req)
		if r.Streams {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		} else {
			ctx, cancel := context.WithTimeout(req.Context(), handlerTimeout)
			defer cancel()
			req = req.WithContext(ctx)
		}
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		r.Handler.ServeHTTP(w, req)
	})
}

// unrouted answers a request that no route matches as the standard library's handler does,
// but with a Problem.
func unrouted(w http.ResponseWriter, r *http.Request, standard http.Handler) {
	answer := &discarded{header: http.Header{}}
	standard.ServeHTTP(answer, r)
	switch allowed := answer.header.Get("Allow"); {
	case answer.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", allowed)
		problemf(w, answer.status, "%s does not support %s, only %s: GET /openapi.json describes the API", r.URL.Path, r.Method, allowed)
	case answer.status >= 300 && answer.status < 400:
		http.Redirect(w, r, answer.header.Get("Location"), answer.status)
	default:
		problemf(w, http.StatusNotFound, "%s does not exist: GET /openapi.json describes the API", r.URL.Path)
	}
}

// discarded is a response whose body is discarded.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header            { return d.header }
func (d *discarded) WriteHeader(status int)         { d.status = status }
func (d *discarded) Write(body []byte) (int, error) { return len(body), nil }

// recovering turns a panic of a handler into a failure of its request.
func (h *handler) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &tracked{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason)
			}
			h.log.Error("an API request panicked", "method", r.Method, "path", r.URL.Path, "reason", reason, "stack", string(debug.Stack()))
			if tracked.begun {
				panic(http.ErrAbortHandler) // a truncated response must not look complete
			}
			Problem(w, http.StatusInternalServerError, "the request failed: the worker's log says why")
		}()
		next.ServeHTTP(tracked, r)
	})
}

// tracked is a response that records whether it has begun.
type tracked struct {
	http.ResponseWriter
	begun bool
}

func (t *tracked) WriteHeader(status int) {
	t.begun = true
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(body []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(body)
}

// Flush implements http.Flusher.
func (t *tracked) Flush() { _ = http.NewResponseController(t.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }
