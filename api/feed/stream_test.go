package feed_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/markets"
)

// A reader that does not read loses its place, and gets what it has missed when it comes back.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := serve(t, openFolder(t), feed.Options{Readers: 1, Patience: 200 * time.Millisecond})
	slow := s.open()
	at := s.next(slow, "position").ID
	if status, text, err := feedtest.Refusal(t.Context(), s.url, ""); status != http.StatusServiceUnavailable || err != nil {
		t.Fatalf("a second reader: %d %s %v", status, text, err)
	}
	const orders = 3000 // more than the sockets' buffers hold
	started := time.Now()
	for i := range orders / 100 {
		var batch []markets.Order
		for j := range 100 {
			o := order(fmt.Sprint(100*i+j), "m")
			o.Token.Name = strings.Repeat("x", 10_000)
			batch = append(batch, o)
		}
		s.put(batch...)
	}
	for {
		status, _, err := feedtest.Refusal(t.Context(), s.url, "")
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusOK {
			break
		}
		if time.Since(started) > soon {
			t.Fatal("the slow reader keeps its place")
		}
		time.Sleep(10 * time.Millisecond)
	}
	n := 0
	for { // what is in the buffers, and then the end
		e, err := slow.Next()
		if err != nil {
			break
		}
		if e.ID != "" {
			at = e.ID
		}
		if e.OfChange() {
			n++
		}
	}
	if n == orders {
		t.Fatal("the reader was not slow")
	}
	var again *feedtest.Reader
	for { // the place of the request before is free in a moment
		r, err := feedtest.Open(t.Context(), s.url, at)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode == http.StatusOK {
			again = r
			break
		}
	}
	for ; n < orders; n++ {
		if c := s.next(again, "put").Change(); c.ID != fmt.Sprint("ethereum/seaport/", n) {
			t.Fatalf("%s, want order %d", c.ID, n)
		}
	}
}

// A feed outlives the time that a request may take to arrive.
func TestOutlivesReadTimeout(t *testing.T) {
	t.Parallel()
	o := feed.Options{Data: openFolder(t), Log: slog.New(slog.DiscardHandler), Heartbeat: time.Millisecond}
	server := httptest.NewUnstartedServer(feed.Routes(o)[0].Handler)
	server.Config.ReadTimeout = 50 * time.Millisecond
	server.Start()
	defer server.Close()
	r, err := feedtest.Open(t.Context(), server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	for range 3 { // about a second apart
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
}

// Feeds end with the server, at once.
func TestEndsWithServer(t *testing.T) {
	t.Parallel()
	o := feed.Options{Data: openFolder(t), Log: slog.New(slog.DiscardHandler)}
	server, err := api.Serve(t.Context(), api.Options{Listen: "127.0.0.1:0", Routes: feed.Routes(o), Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	r, err := feedtest.Open(t.Context(), "http://"+server.Addr()+"/feed", "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Errorf("a feed holds the server up: %v", err)
	}
	for err == nil {
		_, err = r.Next()
	}
}
