package page_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/api/resource"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// ask makes a request, with the token if it is not empty. Redirects are not followed.
func ask(t *testing.T, method, at, token string, form url.Values, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

// Every response, including errors, has a strict content security policy.
func TestPolicyOfEveryResponse(t *testing.T) {
	t.Parallel()
	at := serve(t, hostile(t), "")
	for path, want := range map[string]int{
		"/": 200, "/page/": 200, "/page/orders": 200, "/page/orders?filter=%7B": 400, "/page/orders?sort=nonsense": 400, "/page/orders?after=x": 400,
		"/page/activities": 200, "/page/activities?before=x": 400, "/page/dead-letters": 200, "/page/requests": 200, "/page/webhooks": 200, "/order": 404, "/order?id=x": 404,
		"/page/history?chain=x": 404, "/page/assets/page.css": 200, "/page/assets/page.js": 200, "/page/assets/nothing": 404,
	} {
		status, body, header := ask(t, http.MethodGet, at+path, "", nil)
		if status != want {
			t.Errorf("%s: status %d, want %d\n%s", path, status, want, body)
		}
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q has no %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, header)
		}
	}
}

// htmx gets only the main part of a page; other clients get the whole page.
func TestParts(t *testing.T) {
	t.Parallel()
	at := serve(t, hostile(t), "")
	for _, path := range []string{"/page/activities", "/page/dead-letters", "/page/requests", "/page/webhooks", "/order?id=x"} {
		_, whole, _ := ask(t, http.MethodGet, at+path, "", nil)
		_, part, header := ask(t, http.MethodGet, at+path, "", nil, "HX-Request", "true")
		if !strings.Contains(whole, "<!doctype html>") || strings.Contains(part, "<html") || strings.Contains(part, "<nav aria-label=\"Sections\"") {
			t.Errorf("%s: %.200s\n%.200s", path, whole, part)
		}
		if header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached: %v", path, header)
		}
	}
}

// Assets may be cached forever only at the URL with their version.
func TestCachedAssets(t *testing.T) {
	t.Parallel()
	at := serve(t, hostile(t), "")
	_, body, _ := ask(t, http.MethodGet, at+"/page/requests", "", nil)
	_, after, _ := strings.Cut(body, `href="/page/assets/page.css?v=`)
	version, _, _ := strings.Cut(after, `"`)
	for query, want := range map[string]string{"?v=" + version: "immutable", "?v=0": "no-cache", "": "no-cache"} {
		if _, _, header := ask(t, http.MethodGet, at+"/page/assets/page.css"+query, "", nil); !strings.Contains(header.Get("Cache-Control"), want) {
			t.Errorf("%q: %v", query, header)
		}
	}
}

// A retry needs a token and a process that can make requests; otherwise the page has the reason.
func TestRetryRefused(t *testing.T) {
	t.Parallel()
	store := hostile(t)
	id := letter(t, store)
	readOnly := struct{ persistence.Querier }{store}
	for _, test := range []struct {
		name, token, why string
		data             persistence.Querier
	}{
		{"without a token", "", "set api.token", store},
		{"read only", secret, "This process only reads the data", readOnly},
	} {
		at := serve(t, test.data, test.token)
		_, body, _ := ask(t, http.MethodGet, at+"/page/dead-letters", test.token, nil)
		if !strings.Contains(body, "<button disabled") || !strings.Contains(body, test.why) {
			t.Errorf("%s: the button is not disabled, or the page does not say %q:\n%s", test.name, test.why, body)
		}
		status, body, _ := ask(t, http.MethodPost, at+"/page/dead-letters/retry", test.token, url.Values{"id": {id}})
		if status != http.StatusForbidden || !strings.Contains(body, "token") && !strings.Contains(body, "only reads") {
			t.Errorf("%s: status %d, %s", test.name, status, body)
		}
	}
	at := serve(t, store, secret)
	if status, _, _ := ask(t, http.MethodPost, at+"/page/dead-letters/retry", "another token", url.Values{"id": {id}}); status != http.StatusUnauthorized {
		t.Errorf("with another token: status %d", status)
	}
	if n := len(requests(t, store)); n != 1 { // hostile's own
		t.Errorf("%d requests", n)
	}
}

// A retry without a running worker is refused with that reason.
func TestRetryWithoutWorker(t *testing.T) {
	t.Parallel()
	store := hostile(t)
	at := serving(t, store, secret, func(context.Context, persistence.Request) error { return resource.ErrNobody })
	status, body, _ := ask(t, http.MethodPost, at+"/page/dead-letters/retry", secret, url.Values{"id": {letter(t, store)}})
	if status != http.StatusConflict || !strings.Contains(body, "no worker runs") {
		t.Errorf("status %d, %s", status, body)
	}
}

// A retry is one request to the owner of the letter's chain.
func TestRetryIsARequest(t *testing.T) {
	t.Parallel()
	store := hostile(t)
	id := letter(t, store)
	at := serve(t, store, secret)
	if status, body, _ := ask(t, http.MethodPost, at+"/page/dead-letters/retry", secret, url.Values{"id": {"none"}}); status != http.StatusNotFound {
		t.Errorf("of an unknown letter: status %d, %s", status, body)
	}
	status, body, header := ask(t, http.MethodPost, at+"/page/dead-letters/retry", secret, url.Values{"id": {id}})
	if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/page/dead-letters#letter-") {
		t.Fatalf("status %d, %v, %s", status, header, body)
	}
	found := requests(t, store)
	if len(found) != 2 {
		t.Fatalf("%d requests", len(found))
	}
	for _, r := range found {
		if r.ID != "r1" && (r.Kind != persistence.RetryRequest || r.DeadLetter != id || r.State != persistence.RequestPending || !strings.HasPrefix(r.AskedBy, "page@") || !strings.HasPrefix(id, r.Chain)) {
			t.Errorf("%+v", r)
		}
	}
	_, body, _ = ask(t, http.MethodGet, at+header.Get("Location"), secret, nil)
	if !strings.Contains(body, "waiting for the owner of the chain") {
		t.Errorf("the page does not show the progress of the retry:\n%s", body)
	}
}

func letter(t *testing.T, store persistence.Store) string {
	t.Helper()
	letters, err := persistence.Collect[markets.DeadLetter](t.Context(), store, persistence.Query{Collection: persistence.DeadLetters})
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d dead letters: %v", len(letters), err)
	}
	return letters[0].ID()
}

func requests(t *testing.T, store persistence.Store) []persistence.Request {
	t.Helper()
	found, err := persistence.Collect[persistence.Request](t.Context(), store, persistence.Query{Collection: persistence.Requests})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The history of a chain is a JSON object of lists of equal length.
func TestHistoryOfAChain(t *testing.T) {
	t.Parallel()
	store := hostile(t)
	orders, err := persistence.Collect[markets.Order](t.Context(), store, persistence.Query{Collection: persistence.Orders})
	if err != nil {
		t.Fatal(err)
	}
	at := serve(t, store, "")
	path := at + "/page/history?" + url.Values{"chain": {orders[0].Chain}}.Encode()
	var status int
	var body string
	for end := time.Now().Add(patience); status != http.StatusOK; { // until the documents have been read
		if time.Now().After(end) {
			t.Fatalf("status %d: %s", status, body)
		}
		status, body, _ = ask(t, http.MethodGet, path, "", nil)
	}
	var lists map[string][]*float64
	if err := json.Unmarshal([]byte(body), &lists); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, name := range []string{"at", "lag", "events", "up", "failing", "requests"} {
		if len(lists[name]) != 1 {
			t.Errorf("%s: %v", name, lists[name])
		}
	}
	if *lists["failing"][0] != 1 || lists["events"][0] != nil {
		t.Errorf("%s", body)
	}
}
