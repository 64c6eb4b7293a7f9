package feed_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
)

// A reader that does not read is disconnected, and gets the missed changes when it reconnects.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{Readers: 1, Patience: 200 * time.Millisecond})
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
		if time.Since(started) > timeout {
			t.Fatal("the slow reader is not disconnected")
		}
		time.Sleep(10 * time.Millisecond)
	}
	n := 0
	for { // the contents of the buffers, then the end
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
	for started := time.Now(); n < orders; { // a busy machine may disconnect the reader again
		at, n = s.expectOrders(at, n)
		if time.Since(started) > 2*timeout {
			t.Fatalf("order %d does not arrive", n)
		}
	}
	if n > orders {
		t.Errorf("%d orders of %d", n, orders)
	}
}

// expectOrders expects the orders from number n on after a position, until the response ends
// or no more follow. It returns the last position and the number of the next order.
func (s *served) expectOrders(at string, n int) (string, int) {
	s.t.Helper()
	r, err := feedtest.Open(s.t.Context(), s.url, at)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	for at != s.newest() && r.StatusCode == http.StatusOK { // refused while the previous request still counts
		e, err := r.Next()
		if err != nil {
			break
		}
		if e.ID != "" {
			at = e.ID
		}
		if e.OfChange() {
			if want := fmt.Sprint("ethereum/seaport/", n); e.Change().ID != want {
				s.t.Fatalf("%s, want %s", e.Change().ID, want)
			}
			n++
		}
	}
	return at, n
}

// Closing the server ends feeds immediately.
func TestEndsWithServer(t *testing.T) {
	t.Parallel()
	o := feed.Options{Data: teststore.Embedded(t), Log: slog.New(slog.DiscardHandler)}
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
		t.Errorf("a feed delays closing the server: %v", err)
	}
	for err == nil {
		_, err = r.Next()
	}
}
