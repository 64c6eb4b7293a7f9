package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// growing is a node whose head is moved by the test.
type growing struct {
	head   atomic.Int64
	asked  chan struct{} // closed when the newest header has been asked for
	closed sync.Once
}

func newGrowing(head int64) *growing {
	g := &growing{asked: make(chan struct{})}
	g.head.Store(head)
	return g
}

func (g *growing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var wire wireCall
	if err := json.NewDecoder(r.Body).Decode(&wire); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	head := g.head.Load()
	var v any = hexNumber(head)
	if wire.Method == getBlockByNumber {
		c := &call{params: wire.Params}
		var tag string
		_ = json.Unmarshal(c.arguments()[0], &tag)
		if n, ok := parseNumber(tag); ok {
			head = n
		} else {
			defer g.closed.Do(func() { close(g.asked) })
		}
		v = map[string]any{"number": hexNumber(head), "hash": fmt.Sprintf("0x%064x", head), "parentHash": fmt.Sprintf("0x%064x", head-1)}
	}
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, wire.ID, jsonOf(v))
}

// subscriber is a client that has subscribed to new heads.
type subscriber struct {
	*testing.T
	node  *growing
	proxy *Proxy
	conn  *websocket.Conn
}

func subscribed(t *testing.T, faults string, options Options) *subscriber {
	t.Helper()
	node := newGrowing(100)
	options.Heads = time.Millisecond
	p := proxyOf(t, faults, 1, node, options)
	s := &subscriber{T: t, node: node, proxy: p, conn: dial(t, p)}
	s.write(wireOf(1, "eth_subscribe", newHeads))
	if got := s.read(); got != `1: "0x1"` {
		t.Fatalf("subscribing: %s", got)
	}
	return s
}

func serveURL(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func dial(t *testing.T, p *Proxy) *websocket.Conn {
	t.Helper()
	url := serveURL(t, p)
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func (s *subscriber) write(message string) {
	s.Helper()
	if err := s.conn.Write(s.Context(), websocket.MessageText, []byte(message)); err != nil {
		s.Fatal(err)
	}
}

// read returns the next message, abbreviated: the number of a head, or an answer.
func (s *subscriber) read() string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	_, message, err := s.conn.Read(ctx)
	if err != nil {
		if ctx.Err() != nil {
			s.Fatal("no message")
		}
		return "closed"
	}
	var wire struct {
		result
		Params struct {
			Subscription string
			Result       object
		}
	}
	if err := json.Unmarshal(message, &wire); err != nil {
		return fmt.Sprintf("not JSON: %.60q", message)
	}
	if wire.Params.Result != nil {
		return wire.Params.Result.text("number")
	}
	return fmt.Sprintf("%s: %s", wire.ID, wire.result)
}

// heads moves the head, once the proxy knows its position, and reads what is sent.
func (s *subscriber) heads(count int64, read int) string {
	s.Helper()
	<-s.node.asked
	s.node.head.Add(count)
	var got []string
	for range read {
		got = append(got, s.read())
	}
	return strings.Join(got, " ")
}

func TestNewHeads(t *testing.T) {
	s := subscribed(t, "  - {fault: error, chance: 0}", Options{})
	if got := s.heads(5, 5); got != "0x65 0x66 0x67 0x68 0x69" {
		t.Errorf("heads %s", got)
	}
	s.write(wireOf(2, blockNumber))
	if got := s.read(); got != `2: "0x69"` {
		t.Errorf("a call: %s", got)
	}
	s.write(wireOf(3, "eth_subscribe", "logs", map[string]any{}))
	if got := s.read(); got != "3: error -32601: only newHeads can be subscribed to here" {
		t.Errorf("another subscription: %s", got)
	}
	s.write(wireOf(4, "eth_unsubscribe", "0x1"))
	if got := s.read(); got != "4: true" {
		t.Errorf("unsubscribing: %s", got)
	}
	s.node.head.Add(5)
	s.write("[" + wireOf(5, blockNumber) + "]")
	if got := s.read(); !strings.HasPrefix(got, `not JSON: "[{\"jsonrpc\":\"2.0\",\"id\":5,`) {
		t.Errorf("a batch after the end of the subscription: %s", got)
	}
	s.proxy.Close()
	if got := s.read(); got != "closed" {
		t.Errorf("after the proxy's end: %s", got)
	}
}

// New heads are those of the node's own subscription, if it has one.
func TestPassedHeads(t *testing.T) {
	node := newGrowing(200)
	upstream := serveURL(t, proxyOf(t, "", 1, node, Options{Heads: time.Millisecond}))
	s := subscribed(t, "  - {fault: chain-id}\n  - {fault: field, field: parentHash, methods: [eth_getBlockByNumber]}", Options{WebSocket: upstream})
	s.node = node
	if got := s.heads(3, 3); got != "0xc9 0xca 0xcb" {
		t.Errorf("heads: %s", got)
	}
	if done := s.proxy.Counters().Faults[1].Done; done != 3 {
		t.Errorf("the fault of headers happened %d times", done)
	}
}

func TestSubscriptionFaults(t *testing.T) {
	for _, test := range []struct {
		faults string
		read   int
		want   string
	}{
		{"{fault: ws-duplicate}", 6, "0x65 0x65 0x66 0x66 0x67 0x67"},
		{"{fault: ws-duplicate, chance: 0}", 3, "0x65 0x66 0x67"},
		{"{fault: ws-unordered}", 4, "0x66 0x65 0x68 0x67"},
		{"{fault: ws-unordered, chance: 0}", 4, "0x65 0x66 0x67 0x68"},
		{"{fault: ws-drop, heads: 3}", 4, "0x65 0x66 0x67 closed"},
		{"{fault: ws-drop, heads: 3, chance: 0}", 4, "0x65 0x66 0x67 0x68"},
		{"{fault: hang, methods: [eth_chainId], for: 1ms}", 4, "0x65 0x66 0x67 0x68"},
	} {
		s := subscribed(t, "  - "+test.faults, Options{})
		if got := s.heads(4, test.read); got != test.want {
			t.Errorf("%s: got %v, want %s", test.faults, got, test.want)
		}
		if c := s.proxy.Counters().Faults[0]; (c.Done > 0) != !strings.Contains(test.faults, "chance: 0") && c.Name != "hang" {
			t.Errorf("%s: counted %+v", test.faults, c)
		}
	}
}

// TestSilence stops new heads while the connection remains open.
func TestSilence(t *testing.T) {
	for what, want := range map[string]string{"heads": `9: "0x7b"`, "all": ""} {
		s := subscribed(t, "  - {fault: ws-silent, heads: 2, what: "+what+"}", Options{})
		if got := s.heads(2, 2); got != "0x65 0x66" {
			t.Errorf("heads: %s", got)
		}
		s.node.head.Store(123)
		for s.proxy.Counters().Faults[0].Done < 2 { // the connection is muted after the first is counted
			runtime.Gosched()
		}
		s.write(wireOf(9, blockNumber))
		if want != "" {
			if got := s.read(); got != want {
				t.Errorf("%s: after the silence %s", what, got)
			}
			continue
		}
		for s.proxy.Counters().Calls[blockNumber] == 0 {
			runtime.Gosched()
		}
		s.proxy.Close()
		if got := s.read(); got != "closed" {
			t.Errorf("%s: after the silence %s", what, got)
		}
	}
}

// Faults of whole responses also apply to those of a WebSocket.
func TestFaultsOfAnswers(t *testing.T) {
	for faults, want := range map[string]string{
		"{fault: error}":               "1: error -32001: Unable to complete request at this time.",
		"{fault: status, status: 502}": "closed",
		"{fault: cut, bytes: 5}":       "closed",
		"{fault: hang, for: 1ms}":      "closed",
		"{fault: rate, burst: 0, refill: 0, words: optimism-rate}": "1: error -32016: over rate limit",
		"{fault: not-json, how: html}":                             `not JSON: "<!DOCTYPE html><html><head><title>Just a moment...</title></"`,
		"{fault: huge, mib: 2}":                                    `1: "0x64"`,
		"{fault: latency, fixed: 1ms}":                             `1: "0x64"`,
	} {
		p := proxyOf(t, "  - "+faults, 1, newGrowing(100), Options{})
		s := &subscriber{T: t, proxy: p, conn: dial(t, p)}
		s.write(wireOf(1, blockNumber))
		if got := s.read(); got != want {
			t.Errorf("%s: %s, want %s", faults, got, want)
		}
	}
}
