package api

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/certtest"
)

const right32 = "ab5e0c4ac0ffee00ab5e0c4ac0ffee00"

// guarded are routes of all kinds.
func guarded() []Route {
	return []Route{
		text("GET /orders", "orders"), changing(text("POST /requests", "asked")),
		open(text("GET /login", "form")), text("GET /{$}", "page"),
	}
}

func TestWithoutTokenReadingIsOpenAndChangingRefused(t *testing.T) {
	s := serve(t, Options{Routes: guarded()})
	s.ok(s.get("/orders"), "orders")
	s.ok(s.get("/orders", "Authorization", "Bearer any"), "orders")
	s.problem(s.ask(http.MethodPost, "/requests", ""), http.StatusForbidden, "set api.token")
	s.problem(s.ask(http.MethodPost, "/requests", "", "Authorization", "Bearer "), http.StatusForbidden, "set api.token")
	s.problem(s.ask(http.MethodPost, "/requests", "", "Cookie", cookieName+"="+cookieOf("")), http.StatusForbidden, "set api.token")
	s.problem(s.ask(http.MethodPost, "/login", "token="), http.StatusForbidden, "no token is configured")
}

func TestWithTokenEverythingNeedsIt(t *testing.T) {
	s := serve(t, Options{Token: right32, Routes: guarded()})
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Bearer " + right32 + "0", "Bearer " + right32[1:], "Basic " + right32, right32} {
		for _, path := range []string{"/orders", "/"} {
			r := s.get(path, "Authorization", header)
			s.problem(r, http.StatusUnauthorized, "Authorization: Bearer TOKEN")
			if r.Header.Get("WWW-Authenticate") == "" {
				s.Errorf("%q: no challenge", header)
			}
		}
	}
	s.problem(s.ask(http.MethodPost, "/requests", ""), http.StatusUnauthorized, "Bearer TOKEN")
	s.ok(s.get("/orders", "Authorization", "Bearer "+right32), "orders")
	s.ok(s.get("/orders", "Authorization", "bearer  "+right32), "orders")
	s.ok(s.ask(http.MethodPost, "/requests", "", "Authorization", "Bearer "+right32), "asked")
	s.ok(s.get("/login"), "form")
}

func TestLogInAndOut(t *testing.T) {
	s := serve(t, Options{Token: right32, Routes: guarded()})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Jar = jar
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html,*/*"}
	to := func(r response, location string) {
		t.Helper()
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != location {
			t.Errorf("%s to %q, want %q", r.Status, r.Header.Get("Location"), location)
		}
	}
	to(s.get("/", "Accept", "text/html"), "/login")
	to(s.ask(http.MethodPost, "/login", "token=wrong", form...), "/login?wrong")
	s.problem(s.ask(http.MethodPost, "/login", "token=wrong", form[:2]...), http.StatusUnauthorized, "does not match")
	s.problem(s.ask(http.MethodPost, "/login?token="+right32, "", form[:2]...), http.StatusUnauthorized, "does not match") // URLs are logged

	r := s.ask(http.MethodPost, "/login", "token="+right32, form...)
	to(r, "/")
	cookie := r.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.Path != "/" || strings.Contains(cookie.Value, right32) {
		t.Errorf("cookie %v", cookie)
	}
	s.ok(s.get("/", "Accept", "text/html"), "page")
	s.ok(s.ask(http.MethodPost, "/requests", ""), "asked")
	s.problem(s.ask(http.MethodPost, "/requests", "", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "pages of other sites")
	s.problem(s.ask(http.MethodPost, "/requests", "", "Origin", "https://evil.example"), http.StatusForbidden, "pages of other sites")
	to(s.ask(http.MethodPost, "/logout", ""), "/")
	s.problem(s.get("/orders"), http.StatusUnauthorized, "Bearer TOKEN")
	s.client.Jar = nil
	s.problem(s.get("/orders", "Cookie", cookieName+"="+right32), http.StatusUnauthorized, "Bearer TOKEN") // the token is no cookie
}

// Wrong tokens are limited; outdated cookies are not, since an old page sends them often.
func TestFailedAttemptsAreLimited(t *testing.T) {
	s := serve(t, Options{Token: right32, Routes: guarded()})
	for range 3 * failureBurst {
		s.problem(s.get("/orders", "Cookie", cookieName+"="+cookieOf("former")), http.StatusUnauthorized, "Bearer TOKEN")
	}
	s.ok(s.get("/orders", "Authorization", "Bearer "+right32), "orders")
	var refused response
	for i := range 10 * failureBurst {
		if refused = s.get("/orders", "Authorization", fmt.Sprint("Bearer ", i)); refused.StatusCode != http.StatusUnauthorized {
			break
		}
	}
	s.problem(refused, http.StatusTooManyRequests, "wrong token")
	if refused.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", refused.Header.Get("Retry-After"))
	}
}

func TestBlockedClientsCannotUseTheRightToken(t *testing.T) {
	a := &access{token: func() string { return right32 }, failures: newClients(1e-9, 2)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []verdict{right, wrong, right, wrong, blocked, blocked} {
		given := []string{right32, "wrong", right32, "wrong", right32, "wrong"}[i]
		if got := a.attempt(req, given, right32); got != want {
			t.Errorf("attempt %d: %v, want %v", i, got, want)
		}
	}
}

func TestTokenFileIsReloaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		replaceFile(t, file, []byte(text))
	}
	write(" first\n")
	s := serve(t, Options{TokenFile: file, Routes: guarded()})
	s.ok(s.get("/orders", "Authorization", "Bearer first"), "orders")
	cookie := cookieName + "=" + cookieOf("first")
	s.ok(s.get("/orders", "Cookie", cookie), "orders")
	write("other")
	s.problem(s.get("/orders", "Authorization", "Bearer first"), http.StatusUnauthorized, "does not match")
	s.problem(s.get("/orders", "Cookie", cookie), http.StatusUnauthorized, "Bearer TOKEN")
	s.ok(s.get("/orders", "Authorization", "Bearer other"), "orders")
	write(" \n")
	s.ok(s.get("/orders", "Authorization", "Bearer other"), "orders")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.problem(s.get("/orders"), http.StatusUnauthorized, "Bearer TOKEN")
	write("third")
	s.ok(s.get("/orders", "Authorization", "Bearer third"), "orders")
	for _, secret := range []string{"first", "other", "third"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%s is in the log:\n%s", secret, s.log)
		}
	}
	if n := strings.Count(s.log.String(), "cannot be reloaded"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, s.log)
	}
}

func TestUnusableTokens(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		t.Helper()
		path := filepath.Join(dir, "token-"+url.PathEscape(fmt.Sprintf("%.10s", content)))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"missing file": {Options{TokenFile: filepath.Join(dir, "none")}, "api.tokenFile: open "},
		"empty file":   {Options{TokenFile: file("\n ")}, "is empty: put a token there"},
		"no content":   {Options{TokenFile: file("")}, "is empty: put a token into the file"},
		"two words":    {Options{TokenFile: file("two words")}, "is not a token"},
		"too long":     {Options{TokenFile: file(strings.Repeat("x", 5000))}, "is longer than"},
		"not ASCII":    {Options{Token: "clé"}, "api.token is not a token"},
	} {
		c.o.Listen = "127.0.0.1:0"
		server, err := Serve(t.Context(), c.o)
		if err == nil {
			server.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "two words is") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A listener that other machines can reach without TLS or a token logs a warning.
func TestExposedListenersWarn(t *testing.T) {
	files := issue(certtest.New(t), "localhost")
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"open":             {Options{Listen: "0.0.0.0:0"}, "anyone who can reach its address may read all data: set api.token or api.tokenFile, and api.tls"},
		"without TLS":      {Options{Listen: "0.0.0.0:0", Token: right32}, "is not encrypted"},
		"without token":    {Options{Listen: "[::]:0", TLS: files}, "requires no token"},
		"safe":             {Options{Listen: "0.0.0.0:0", TLS: files, Token: right32}, ""},
		"loopback":         {Options{Listen: "127.0.0.1:0"}, ""},
		"loopback by name": {Options{Listen: "localhost:0"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.o)
			lines := strings.Count(s.log.String(), "level=WARN")
			if c.want == "" && lines > 0 || c.want != "" && (lines != 1 || !strings.Contains(s.log.String(), c.want)) || strings.Contains(s.log.String(), right32) {
				t.Errorf("want %q:\n%s", c.want, s.log)
			}
		})
	}
}
