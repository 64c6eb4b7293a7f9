package faults

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// full is a client that disconnects after some bytes.
type full struct {
	*httptest.ResponseRecorder
	left int
}

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("the client has disconnected")
	}
	return f.ResponseRecorder.Write(p)
}

func TestEndless(t *testing.T) {
	p := proxyOf(t, "  - {fault: endless, methods: [eth_getLogs]}", 1, ethereum(), Options{})
	w := &full{httptest.NewRecorder(), 3 << 20}
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("ended with %v", v)
			}
		}()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(wireOf(1, getLogs, filter(1, 1))))
		p.ServeHTTP(w, r)
	}()
	if n := w.Body.Len(); n < 2<<20 {
		t.Errorf("only %d bytes", n)
	}
	if got := rpc(p, chainID); got != `"0x7a69"` {
		t.Errorf("another method: %s", got)
	}
}

func TestHuge(t *testing.T) {
	want := rpc(ethereum(), getLogs, filter(1, 1))
	for _, how := range []string{"text", "spaces"} {
		p := proxyOf(t, fmt.Sprintf("  - {fault: huge, mib: 5, how: %s}", how), 1, ethereum(), Options{})
		r := sendJSON(p, wireOf(1, getLogs, filter(1, 1)))
		if got := r.one(); got != want || len(r.body) < 5<<20 || len(r.body) > 6<<20 {
			t.Errorf("%s: %d bytes, %.80s", how, len(r.body), got)
		}
		if got, r := batch(p, wireOf(1, chainID)); len(got) != 1 || got[0].String() != `"0x7a69"` || len(r.body) < 5<<20 {
			t.Errorf("%s: a batch: %d bytes, %v", how, len(r.body), got)
		}
		node := made()
		p = proxyOf(t, fmt.Sprintf("  - {fault: huge, mib: 5, how: %s}", how), 1, node, Options{})
		var got, plain []struct{ Version string }
		_ = json.Unmarshal(get(p, eventsPath+"?start=190").body, &got)
		if err := json.Unmarshal(get(node, eventsPath+"?start=190").body, &plain); err != nil || len(plain) != 10 || fmt.Sprint(got) != fmt.Sprint(plain) {
			t.Errorf("%s: events: %v, want %v, %v", how, got, plain, err)
		}
	}
}

// TestGzipBomb expects a small body to decompress to a huge one, without holding either
// in memory.
func TestGzipBomb(t *testing.T) {
	p := proxyOf(t, "  - {fault: gzip-bomb, mib: 200}", 1, ethereum(), Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := sendJSON(p, wireOf(1, chainID))
	runtime.ReadMemStats(&after)
	if r.header.Get("Content-Encoding") != "gzip" || len(r.body) > 1<<20 {
		t.Fatalf("%v, %d bytes", r.header, len(r.body))
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d bytes allocated", grown)
	}
	z, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, z)
	if err != nil || n < 200<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	plain := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(wireOf(1, chainID)))
	if got := send(p, plain).one(); got != `"0x7a69"` {
		t.Errorf("to a client that does not accept gzip: %s", got)
	}
}

// TestEcho expects all secrets of a request in the message, in all their forms.
func TestEcho(t *testing.T) {
	for params, status := range map[string]int{"as: error": 200, "as: status": 403} {
		p := proxyOf(t, "  - {fault: echo, "+params+"}", 1, ethereum(), Options{})
		r := sendJSON(p, wireOf(1, chainID))
		text := string(r.body)
		if status == 200 {
			var one result
			if err := json.Unmarshal(r.body, &one); err != nil || one.Error == nil {
				t.Fatalf("%s: %s", params, r.body)
			}
			text = one.Error.Message
		}
		for _, want := range []string{"secret-path", "secret-key", `"/secret-path?key=secret-key"`, "pass-word", "dXNlcjpwYXNzLXdvcmQ=", "\x1b[2J", "\n"} {
			if !strings.Contains(text, want) || r.status != status {
				t.Errorf("%s: status %d, no %q in %q", params, r.status, want, text)
			}
		}
	}
}

func TestOddHeaders(t *testing.T) {
	server := httptest.NewServer(proxyOf(t, "  - {fault: headers, methods: [eth_chainId]}\n  - {fault: headers, methods: [eth_blockNumber], how: malformed}", 1, ethereum(), Options{}))
	defer server.Close()
	ask := func(method string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/secret-path", strings.NewReader(wireOf(1, method)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		return server.Client().Do(r)
	}
	r, err := ask(chainID)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.Header.Get("Retry-After") != "soon" || r.Header.Get(headerLedger) != "99999999999999999999" {
		t.Errorf("headers: %v", r.Header)
	}
	r, err = ask(blockNumber)
	if err == nil {
		r.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "malformed") || !strings.Contains(err.Error(), "secret-path") {
		t.Errorf("a line that is not a header: %v", err)
	}
}

func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := proxyOf(t, "  - {fault: hang, for: 10s, methods: [eth_getLogs]}", 1, ethereum(), Options{})
		started := time.Now()
		if got := rpc(p, getLogs, filter(1, 1)); got != "cut after 0 bytes" || time.Since(started) != 10*time.Second {
			t.Errorf("after %s: %s", time.Since(started), got)
		}
		started = time.Now()
		if got := rpc(p, chainID); got != `"0x7a69"` || time.Since(started) != 0 {
			t.Errorf("another method after %s: %s", time.Since(started), got)
		}
		time.AfterFunc(time.Second, p.Close)
		started = time.Now()
		rpc(p, getLogs, filter(1, 1))
		if since := time.Since(started); since != time.Second {
			t.Errorf("a proxy that is closed ends it after %s", since)
		}
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := proxyOf(t, "  - {fault: latency, fixed: 100ms, jitter: 50ms}", 1, ethereum(), Options{})
		seen := map[time.Duration]bool{}
		for range 20 {
			started := time.Now()
			rpc(p, chainID)
			since := time.Since(started)
			if seen[since] = true; since < 100*time.Millisecond || since >= 150*time.Millisecond {
				t.Errorf("answered after %s", since)
			}
		}
		if len(seen) < 10 {
			t.Errorf("jitter: %v", seen)
		}
	})
}

func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := proxyOf(t, "  - {fault: bandwidth, bytes: 10000}", 1, ethereum(), Options{})
		started := time.Now()
		r := sendJSON(p, wireOf(1, getLogs, filter(1, 1)))
		want := time.Duration(float64(len(r.body)) / 10_000 * float64(time.Second))
		if since := time.Since(started); since < want*9/10 || since > want {
			t.Errorf("%d bytes in %s, want %s", len(r.body), since, want)
		}
		if len(objects(t, r.one())) != 200 {
			t.Errorf("another answer: %.80s", r.one())
		}
	})
}

// TestBounds expects bodies over the limit to be refused, from clients and from nodes.
func TestBounds(t *testing.T) {
	p := proxyOf(t, "", 1, ethereum(), Options{})
	r := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, maxRequest+1))
	if got := send(p, r); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large request: %d", got.status)
	}
	node := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.Copy(w, io.LimitReader(zeros{}, maxBody+1)); err == nil {
			t.Error("all was read")
		}
	})
	if got := rpc(proxyOf(t, "", 1, node, Options{}), chainID); got != "HTTP 502: the node aborted its answer, or the answer was too large" {
		t.Errorf("a large answer: %.100s", got)
	}
	var many []string
	for range maxBatch + 1 {
		many = append(many, "{}")
	}
	if got := sendJSON(p, "["+strings.Join(many, ",")+"]").one(); got != "error -32600: empty batch, or batch too large" {
		t.Errorf("a large batch: %.100s", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
