package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// served is a server under test.
type served struct {
	*testing.T
	*Server
	log    *logged
	client *http.Client
}

// serve starts a server on a free loopback port. Its log is kept.
func serve(t *testing.T, o Options) *served {
	t.Helper()
	s := &served{T: t, log: &logged{}, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.Server, err = Serve(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// text returns a route that answers with a text.
func text(pattern, answer string) Route {
	return Route{Pattern: pattern, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answer) })}
}

func changing(r Route) Route {
	r.Changes = true
	return r
}

func open(r Route) Route {
	r.Open = true
	return r
}

// response is a response with its body.
type response struct {
	*http.Response
	body string
}

// ask sends a request, with headers as name, value, name, value…
func (s *served) ask(method, path, body string, headers ...string) response {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return response{res, string(read)}
}

func (s *served) get(path string, headers ...string) response {
	s.Helper()
	return s.ask(http.MethodGet, path, "", headers...)
}

// problem expects a problem whose detail contains a text.
func (s *served) problem(r response, status int, detail string) {
	s.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	err := json.Unmarshal([]byte(r.body), &p)
	if err != nil || r.StatusCode != status || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" ||
		!strings.Contains(p.Detail, detail) || r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("Cache-Control") != "no-store" {
		s.Errorf("want status %d and %q, got %s %v\n%s", status, detail, r.Status, r.Header, r.body)
	}
}

// ok expects a text.
func (s *served) ok(r response, body string) {
	s.Helper()
	if r.StatusCode != http.StatusOK || r.body != body {
		s.Errorf("want %q, got %s %q", body, r.Status, r.body)
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	s := serve(t, Options{Routes: []Route{text("GET /orders", "orders"), text("GET /orders/{id...}", "order")}})
	s.ok(s.get("/orders"), "orders")
	s.ok(s.get("/orders/a/b%2Fc"), "order")
	s.problem(s.get("/sales"), http.StatusNotFound, "/sales does not exist")
	r := s.ask(http.MethodDelete, "/orders", "")
	s.problem(r, http.StatusMethodNotAllowed, "/orders does not support DELETE, only GET, HEAD")
	if r.Header.Get("Allow") != "GET, HEAD" {
		s.Errorf("Allow: %q", r.Header.Get("Allow"))
	}
	head := s.ask(http.MethodHead, "/orders", "")
	if head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != int64(len("orders")) {
		s.Errorf("HEAD: %s, %d bytes", head.Status, head.ContentLength)
	}
	if r := s.get("/a/../orders"); r.StatusCode != http.StatusTemporaryRedirect && r.StatusCode != http.StatusMovedPermanently || r.Header.Get("Location") != "/orders" {
		s.Errorf("a path that is not clean: %s to %q", r.Status, r.Header.Get("Location"))
	}
}

func TestProblemsAreHarmlessAndBounded(t *testing.T) {
	s := serve(t, Options{})
	r := s.get("/" + url.PathEscape("\x1b[2J\u202e\"<b>") + strings.Repeat("x", 5000))
	s.problem(r, http.StatusNotFound, `/\x1b[2J\u202e"<b>xxx`)
	if strings.ContainsAny(r.body, "\x1b\u202e<") || len(r.body) > maxDetail+500 {
		s.Errorf("raw: %q", r.body)
	}
}

func TestPanicsFailTheirRequestOnly(t *testing.T) {
	late := make(chan struct{})
	s := serve(t, Options{Routes: []Route{
		text("GET /fine", "fine"),
		{Pattern: "GET /bad", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			panic("the secret of the log")
		})},
		{Pattern: "GET /late", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-late
			panic("late")
		})},
	}})
	r := s.get("/bad")
	s.problem(r, http.StatusInternalServerError, "the worker's log says why")
	if strings.Contains(r.body, "secret") || !strings.Contains(s.log.String(), "the secret of the log") {
		s.Errorf("answered %s, logged %s", r.body, s.log)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/late", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	close(late)
	if body, err := io.ReadAll(res.Body); err == nil {
		s.Errorf("half a response looks complete: %s", body)
	}
	res.Body.Close()
	s.ok(s.get("/fine"), "fine")
}

// Handlers may take longer than clients may take to send their requests.
func TestSlowHandlersOutlastTheReadDeadline(t *testing.T) {
	const patience = 50 * time.Millisecond
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			Problem(w, http.StatusInternalServerError, "the context has ended")
		case <-time.After(4 * patience):
			_, _ = io.WriteString(w, "done")
		}
	})
	s := serve(t, Options{readTimeout: patience, Routes: []Route{
		{Pattern: "GET /slow", Handler: slow}, {Pattern: "GET /stream", Handler: slow, Streams: true},
	}})
	s.ok(s.get("/slow"), "done")
	s.ok(s.get("/stream"), "done")
}

func TestBodiesAreBounded(t *testing.T) {
	s := serve(t, Options{Token: "right", Routes: []Route{changing(Route{Pattern: "POST /size", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			Problem(w, http.StatusRequestEntityTooLarge, "send less")
			return
		}
		_, _ = w.Write(body[:3])
	})})}})
	s.ok(s.ask(http.MethodPost, "/size", strings.Repeat("x", maxBody), "Authorization", "Bearer right"), "xxx")
	s.problem(s.ask(http.MethodPost, "/size", strings.Repeat("x", maxBody+1), "Authorization", "Bearer right"), http.StatusRequestEntityTooLarge, "send less")
}

func TestCloseEndsStreams(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, Options{Routes: []Route{{Pattern: "GET /stream", Streams: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, bounded := r.Context().Deadline(); bounded {
			t.Error("a stream is bounded in time")
		}
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
		close(ended)
	})}}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestListen(t *testing.T) {
	first := serve(t, Options{})
	_, err := Serve(t.Context(), Options{Listen: first.Addr(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "set api.listen to another one") {
		t.Errorf("an address in use: %v", err)
	}
	var log logged
	other, err := Serve(context.Background(), Options{Default: first.Addr(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.Addr() == first.Addr() || !strings.Contains(log.String(), other.Addr()) {
		t.Errorf("at %s: %s", other.Addr(), &log)
	}
}
