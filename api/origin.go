package api

import (
	"net/http"
	"slices"
)

// exposed are the headers of responses that pages of other sites may read.
const exposed = "ETag, Feed-Position, Link, Location, Retry-After"

// origins lets pages of other sites read, if their origins are among the configured ones.
// Browsers keep the responses from all others.
type origins []string

// middleware adds what browsers ask for to all responses, and answers preflights.
func (o origins) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if len(o) > 0 {
			h.Add("Vary", "Origin")
		}
		origin := r.Header.Get("Origin")
		known := slices.Contains(o, origin)
		wanted := r.Header.Get("Access-Control-Request-Method")
		switch {
		case r.Method == http.MethodOptions && wanted != "" && origin != "":
			preflight(w, known, origin, wanted)
			return
		case known && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", exposed)
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers a browser that asks whether a page of another site may send a request.
// Such a question has no token with it.
func preflight(w http.ResponseWriter, known bool, origin, method string) {
	switch {
	case !known:
		problemf(w, http.StatusForbidden, "pages of %s may not read here: add it to api.origins", origin)
		return
	case method != http.MethodGet && method != http.MethodHead:
		Problem(w, http.StatusForbidden, "pages of other sites may only read: send what changes something from your own server")
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// sameOrigin refuses what pages of other sites send to change something.
func sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Problem(w, http.StatusForbidden, "pages of other sites may change nothing: send the request from your own server")
	}))
	return p.Handler(next)
}
