package listener_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/imart/event-worker/internal/listener"
)

const most = 4

// bounded serves a handler with at most a few connections. ended, if not nil, is called
// after each request.
func bounded(t *testing.T, h http.HandlerFunc, ended func()) (address string) {
	t.Helper()
	on, err := listener.Open(t.Context(), listener.Address{Configured: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	listener.Bound(s, most)
	if inner := s.Handler; ended != nil {
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner.ServeHTTP(w, r)
			ended()
		})
	}
	running := listener.Serve(s, on)
	t.Cleanup(func() { _ = running.Close() })
	return running.Addr()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request on a connection and returns the status.
func ask(t *testing.T, conn net.Conn) int {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// expectClosed waits until the server has closed a connection.
func expectClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the server has answered")
	}
}

// Idle connections and slow requests make room for new ones, the oldest first.
func TestTheOldestWaitingConnectionIsClosed(t *testing.T) {
	address := bounded(t, func(http.ResponseWriter, *http.Request) {}, nil)
	idle, slow := dial(t, address), dial(t, address)
	if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHo"); err != nil {
		t.Fatal(err)
	}
	recent := dial(t, address)
	if status := ask(t, recent); status != http.StatusOK { // which renews it
		t.Fatal(status)
	}
	for range most - 1 {
		if status := ask(t, dial(t, address)); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	expectClosed(t, idle)
	expectClosed(t, slow)
	if status := ask(t, recent); status != http.StatusOK {
		t.Error(status)
	}
}

// So do requests whose bodies are slow, although a handler reads them.
func TestSlowBodiesMakeRoom(t *testing.T) {
	reading := make(chan struct{})
	address := bounded(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			reading <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		}
	}, nil)
	var slow []net.Conn
	for range most {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-reading
		slow = append(slow, conn)
	}
	if status := ask(t, dial(t, address)); status != http.StatusOK {
		t.Error(status)
	}
	expectClosed(t, slow[0])
}

// Connections with a running handler stay; a new one beyond them is closed.
func TestServedConnectionsStay(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	address := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			entered <- struct{}{}
			<-leave
		}
	}, nil)
	var served []net.Conn
	for range most {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-entered
		served = append(served, conn)
	}
	expectClosed(t, dial(t, address))
	close(leave)
	for _, conn := range served {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(response, err)
		}
	}
	if status := ask(t, dial(t, address)); status != http.StatusOK {
		t.Error(status)
	}
}

// A hijacked connection counts as long as its handler runs.
func TestHijackedConnectionsAreReleased(t *testing.T) {
	ended := make(chan struct{}, 1)
	address := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hijack" {
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Read(make([]byte, 1)) // until the client closes
		_ = conn.Close()
	}, func() { ended <- struct{}{} })
	for range 3 * most {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, "GET /hijack HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		<-ended
	}
	for range most {
		if status := ask(t, dial(t, address)); status != http.StatusOK {
			t.Error(status)
		}
		<-ended
	}
}

// A hijacked connection makes room for a new one, although its handler runs.
func TestHijackedConnectionsMakeRoom(t *testing.T) {
	entered, ended := make(chan struct{}), make(chan struct{}, 2*most)
	address := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		entered <- struct{}{}
		_, _ = conn.Read(make([]byte, 1)) // until it is closed
		_ = conn.Close()
	}, func() { ended <- struct{}{} })
	for range 2 * most {
		if _, err := io.WriteString(dial(t, address), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-entered
	}
	for range most {
		<-ended
	}
}
