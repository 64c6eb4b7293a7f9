package api

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func from(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = address
	return r
}

func TestRateOfOneClient(t *testing.T) {
	const rate = 1e-3 // too low to recover while the test runs
	passed := 0
	h := limitRate(rate, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))
	send := func(address string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, from(address))
		return w
	}
	if w := send("10.0.0.1:1"); w.Code != http.StatusOK {
		t.Errorf("the first: %d", w.Code)
	}
	w := send("10.0.0.1:2") // another port, the same client
	if after, err := strconv.Atoi(w.Header().Get("Retry-After")); w.Code != http.StatusTooManyRequests || err != nil || after < 900 || after > 1000 {
		t.Errorf("the second: %d, again after %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := send("10.0.0.2:1"); w.Code != http.StatusOK {
		t.Errorf("another client: %d", w.Code)
	}
	if w := send("[2001:db8::1]:1"); w.Code != http.StatusOK {
		t.Errorf("a network: %d", w.Code)
	}
	if w := send("[2001:db8::ffff]:1"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the same network: %d", w.Code)
	}
	if passed != 3 {
		t.Errorf("%d passed", passed)
	}
}

func TestRememberedClientsAreBounded(t *testing.T) {
	c := newClients(1, 1)
	for i := range 3 * maxClients {
		c.of(from(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))).Allow()
	}
	if n := c.lru.Len(); n != maxClients {
		t.Errorf("%d clients are remembered", n)
	}
	if c.of(from(fmt.Sprintf("10.%d.%d.%d:1", (3*maxClients-1)>>16, (3*maxClients-1)>>8&255, (3*maxClients-1)&255))).Allow() {
		t.Error("the last client is forgotten")
	}
}

// A room never exceeds its limits, in total and for each client. It admits a request exactly
// if neither limit is reached, and forgets the clients that have left.
func TestRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most, mostOfOne := rapid.IntRange(1, 5).Draw(t, "most"), rapid.IntRange(1, 5).Draw(t, "most of one")
		m := newRoom(most, mostOfOne)
		var inside []string
		count := func(address string) (n int) {
			for _, a := range inside {
				if a == address {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if len(inside) > 0 && rapid.Bool().Draw(t, "leaves") {
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who")
				m.leave(from(inside[i]))
				inside = append(inside[:i], inside[i+1:]...)
				continue
			}
			address := rapid.SampledFrom([]string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"}).Draw(t, "address")
			w := httptest.NewRecorder()
			entered := m.enter(w, from(address))
			if want := len(inside) < most && count(address) < mostOfOne; entered != want {
				t.Fatalf("%s with %v inside: %t", address, inside, entered)
			}
			if entered {
				inside = append(inside, address)
			} else if w.Code != http.StatusServiceUnavailable && w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
				t.Fatalf("refused with %d", w.Code)
			}
		}
		addresses := map[netip.Prefix]bool{}
		for _, a := range inside {
			addresses[client(from(a))] = true
		}
		if m.inside != len(inside) || len(m.of) != len(addresses) {
			t.Fatalf("%d inside of %d clients, want %v", m.inside, len(m.of), inside)
		}
	})
}

func TestRequestsInProgressAreBounded(t *testing.T) {
	release := make(chan struct{})
	var entered sync.WaitGroup
	entered.Add(maxRequestsOfOne)
	s := serve(t, Options{Routes: []Route{
		{Pattern: "GET /wait", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			entered.Done()
			<-release
			_, _ = io.WriteString(w, "waited")
		})},
		text("GET /quick", "quick"),
		{Pattern: "GET /stream", Streams: true, Handler: text("", "stream").Handler},
	}})
	var waiting sync.WaitGroup
	for range maxRequestsOfOne {
		waiting.Go(func() { s.ok(s.get("/wait"), "waited") })
	}
	entered.Wait()
	s.problem(s.get("/quick"), http.StatusTooManyRequests, "in progress")
	s.ok(s.get("/stream"), "stream") // streams have a separate limit
	close(release)
	waiting.Wait()
	s.ok(s.get("/quick"), "quick")
}
