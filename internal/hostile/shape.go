package hostile

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Shape is a text that a listener refuses, or serves as exactly one request.
type Shape struct {
	Name   string
	Text   string
	Status []int // 0: the connection is closed without a response
}

// Shapes are malformed and oversized requests, and such that two servers may understand
// differently (request smuggling). A listener that answers one of them with another status,
// or more than once, is at fault.
func Shapes(to Target, path string) []Shape {
	get := func(headers ...string) string { return to.request("GET", path, headers...) + "\r\n" }
	post := func(headers ...string) string { return to.request("POST", path, headers...) + "\r\n" }
	smuggled := to.request("GET", "/smuggled") + "\r\n"
	bad, tooLarge := []int{http.StatusBadRequest}, []int{http.StatusRequestHeaderFieldsTooLarge}
	return []Shape{
		{"garbage", string(garbage(4 << 10)), []int{http.StatusBadRequest, 0}},
		{"a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + string(garbage(400)) + "\r\n\r\n", []int{http.StatusBadRequest, 0}},
		{"HTTP/2 without negotiation", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{http.StatusBadRequest, http.StatusHTTPVersionNotSupported, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, 0}},
		{"an unknown version", strings.Replace(get(), "HTTP/1.1", "HTTP/9.9", 1), []int{http.StatusHTTPVersionNotSupported, http.StatusBadRequest}},
		{"two lengths", post("Content-Length: 5", "Content-Length: 6") + "12345" + smuggled, bad},
		{"a length that is not a number", post("Content-Length: +5") + "12345", bad},
		{"a negative length", post("Content-Length: -1"), bad},
		{"an unknown encoding", post("Transfer-Encoding: xchunked") + "0\r\n\r\n" + smuggled, []int{http.StatusNotImplemented, http.StatusBadRequest}},
		{"two encodings", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + "0\r\n\r\n" + smuggled, []int{http.StatusNotImplemented, http.StatusBadRequest}},
		{"a space before the colon", get("Content-Length : 5"), bad},
		{"a folded header", get("X-A: b\r\n c"), nil},
		{"two hosts", get("Host: other"), bad},
		{"no host", "GET " + path + " HTTP/1.1\r\n\r\n", bad},
		{"a header with NUL", get("X-A: \x00"), bad},
		{"a long header", get("X-A: " + strings.Repeat("a", 1<<20)), tooLarge},
		{"many headers", get(strings.TrimSuffix(strings.Repeat("X-A: b\r\n", 100_000), "\r\n")), tooLarge},
		{"a long URL", to.request("GET", path+"?"+strings.Repeat("a", 1<<20)) + "\r\n", tooLarge},
		{"a long method", to.request(strings.Repeat("A", 1<<20), path) + "\r\n", tooLarge},
		{"an endless line", strings.Repeat("a", 4<<20), []int{http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge, 0}},
	}
}

// garbage is bytes that are the same in every run.
func garbage(n int) []byte {
	out, source := make([]byte, n), rand.New(rand.NewPCG(1, 2))
	for i := range out {
		out[i] = byte(source.Uint32())
	}
	return out
}

// Send sends a shape and checks that it is answered as it should be, at most once.
func (s Shape) Send(t testing.TB, to Target) {
	t.Helper()
	conn := to.dial(t)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	go func() { _, _ = io.WriteString(conn, s.Text) }() // the server may close before it has read everything
	read := bufio.NewReader(conn)
	status := 0
	response, err := http.ReadResponse(read, nil)
	if err == nil {
		status = response.StatusCode
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: no answer", s.Name)
		return
	}
	// What is well-formed may be refused because of the requests before it.
	expected := s.Status == nil || status == http.StatusTooManyRequests
	for _, want := range s.Status {
		// A reset may destroy an answer that was sent before all of the request was read.
		expected = expected || status == want || status == 0 && len(s.Text) > 64<<10
	}
	if !expected {
		t.Errorf("%s: answered with %d, want %v", s.Name, status, s.Status)
	}
	if s.Status == nil || status == 0 {
		return
	}
	if again, err := http.ReadResponse(read, nil); err == nil {
		_ = again.Body.Close()
		t.Errorf("%s: answered twice, the second time with %d", s.Name, again.StatusCode)
	}
}
