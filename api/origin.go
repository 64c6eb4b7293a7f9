package api

import (
	"net/http"
	"slices"
)

// exposed lists the response headers that pages of other sites may read.
const exposed = "ETag, Feed-Position, Link, Location, Retry-After"

// origins are the configured origins: their pages may read responses. Browsers withhold the
// responses from all other pages.
type origins []string

// middleware adds the headers that browsers check, and answers preflights.
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
		method := r.Header.Get("Access-Control-Request-Method")
		switch {
		case r.Method == http.MethodOptions && method != "" && origin != "":
			preflight(w, known, origin, method)
			return
		case known && reads(r.Method):
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", exposed)
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers whether a page of another site may send a request. Preflights carry no
// token.
func preflight(w http.ResponseWriter, known bool, origin, method string) {
	switch {
	case !known:
		problemf(w, http.StatusForbidden, "pages of %s must not read this API: add it to api.origins", origin)
		return
	case !reads(method):
		Problem(w, http.StatusForbidden, "pages of other sites may only read: send changes from your own server")
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// sameOrigin refuses requests for changes from pages of other sites.
func sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Problem(w, http.StatusForbidden, "pages of other sites must not change anything: send the request from your own server")
	}))
	return p.Handler(next)
}
