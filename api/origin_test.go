package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestLoopbackListenersRefuseOtherHosts(t *testing.T) {
	s := serve(t, Options{Routes: []Route{text("GET /orders", "orders")}})
	for _, host := range []string{"localhost", "localhost:80", "LOCALHOST.:9465", "worker.localhost:1", "127.0.0.1", "127.1.2.3:9465", "[::1]:9465", "[::1]", "[::ffff:127.0.0.1]:1"} {
		if r := s.get("/orders", "Host", host); r.StatusCode != http.StatusOK {
			t.Errorf("Host %s: %s", host, r.body)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:9465", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost", "10.0.0.1:9465", "[2001:db8::1]", "0.0.0.0:80"} {
		s.problem(s.get("/orders", "Host", host), http.StatusForbidden, "is not its name")
	}
	s = serve(t, Options{Listen: "0.0.0.0:0", Routes: []Route{text("GET /orders", "orders")}})
	s.ok(s.get("/orders", "Host", "market.example"), "orders")
}

func TestPagesOfOtherSites(t *testing.T) {
	const friend, stranger = "https://market.example", "https://evil.example"
	s := serve(t, Options{Token: right32, Origins: []string{"https://other.example", friend}, Routes: guarded()})
	bearing := []string{"Authorization", "Bearer " + right32, "Origin"}

	allowed := func(r response) string { return r.Header.Get("Access-Control-Allow-Origin") }
	r := s.get("/orders", append(bearing, friend)...)
	s.ok(r, "orders")
	if allowed(r) != friend || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Feed-Position") || r.Header.Get("Vary") != "Origin" {
		t.Errorf("a friend: %v", r.Header)
	}
	if r := s.get("/orders", "Origin", friend); r.StatusCode != http.StatusUnauthorized || allowed(r) != friend {
		t.Errorf("a friend cannot read why it is refused: %s %v", r.Status, r.Header)
	}
	if r := s.get("/orders", append(bearing, stranger)...); allowed(r) != "" || r.Header.Get("Vary") != "Origin" || r.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("a stranger: %v", r.Header)
	}
	for _, origin := range []string{friend, stranger} {
		r := s.ask(http.MethodPost, "/requests", "", append(bearing, origin)...)
		s.problem(r, http.StatusForbidden, "pages of other sites must not change anything")
		if allowed(r) != "" {
			t.Errorf("%s may read the response to a POST", origin)
		}
	}

	preflight := func(origin, method string) response {
		return s.ask(http.MethodOptions, "/orders", "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization")
	}
	if r := preflight(friend, "GET"); r.StatusCode != http.StatusNoContent || allowed(r) != friend || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("a friend's preflight: %s %v", r.Status, r.Header)
	}
	s.problem(preflight(friend, "POST"), http.StatusForbidden, "may only read")
	s.problem(preflight(stranger, "GET"), http.StatusForbidden, "add it to api.origins")
	if r := preflight(stranger, "GET"); allowed(r) != "" {
		t.Errorf("a stranger's preflight: %v", r.Header)
	}
}

func TestWithoutOriginsOtherSitesCannotRead(t *testing.T) {
	s := serve(t, Options{Routes: guarded()})
	for _, origin := range []string{"null", "https://market.example", ""} {
		if r := s.get("/orders", "Origin", origin); r.Header.Get("Access-Control-Allow-Origin") != "" || r.Header.Get("Vary") != "" {
			t.Errorf("%q: %v", origin, r.Header)
		}
	}
}
