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

// newHandler returns all that stands between a listener and the routes.
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
	return h.surviving(outer)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if to, pattern := h.mux.Handler(r); pattern == "" {
		unknown(w, r, to)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// guard lets requests through to a route whose clients may use it, as long as there is room.
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

// unknown answers what no route is for. to is what the standard library would answer.
func unknown(w http.ResponseWriter, r *http.Request, to http.Handler) {
	answer := &discarded{header: http.Header{}}
	to.ServeHTTP(answer, r)
	switch allowed := answer.header.Get("Allow"); {
	case answer.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", allowed)
		problemf(w, answer.status, "%s is not for %s, only %s is: GET /openapi.json tells what there is", r.URL.Path, r.Method, allowed)
	case answer.status >= 300 && answer.status < 400:
		http.Redirect(w, r, answer.header.Get("Location"), answer.status)
	default:
		problemf(w, http.StatusNotFound, "there is no %s: GET /openapi.json tells what there is", r.URL.Path)
	}
}

// discarded is a response without its body.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header            { return d.header }
func (d *discarded) WriteHeader(status int)         { d.status = status }
func (d *discarded) Write(body []byte) (int, error) { return len(body), nil }

// surviving fails only the request whose handler panics.
func (h *handler) surviving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := &begun{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason)
			}
			h.log.Error("a request to the API panicked", "method", r.Method, "path", r.URL.Path, "reason", reason, "stack", string(debug.Stack()))
			if begun.already {
				panic(http.ErrAbortHandler) // the client has a part: the rest must not look complete
			}
			Problem(w, http.StatusInternalServerError, "the request has failed: the worker's log says why")
		}()
		next.ServeHTTP(begun, r)
	})
}

// begun notes whether a response has begun.
type begun struct {
	http.ResponseWriter
	already bool
}

func (b *begun) WriteHeader(status int) {
	b.already = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(body []byte) (int, error) {
	b.already = true
	return b.ResponseWriter.Write(body)
}

// Flush implements http.Flusher.
func (b *begun) Flush() { _ = http.NewResponseController(b.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
