package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/coder/websocket"

	"github.com/imart/event-worker/internal/backoff"
)

const (
	maxMessages      = 8  // of one connection, answered concurrently
	maxSubscriptions = 64 // of one connection
	newHeads         = "newHeads"
)

// socket is one client's WebSocket.
type socket struct {
	proxy *Proxy
	r     *http.Request
	conn  *websocket.Conn
	muted atomic.Bool

	mu            sync.Mutex
	subscriptions map[string]func() // ends a subscription
	made          int64
	tasks         sync.WaitGroup
}

// subscription sends new heads.
type subscription struct {
	socket *socket
	id     string
	sent   int64
	held   map[*rule][]byte
}

func (p *Proxy) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		http.Error(w, "the proxy is closed", http.StatusServiceUnavailable)
		return
	}
	defer p.streams.Done()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has responded
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &socket{proxy: p, r: r.WithContext(ctx), conn: conn, subscriptions: map[string]func(){}}
	defer s.tasks.Wait()
	defer conn.CloseNow()
	defer cancel()
	conn.SetReadLimit(maxRequest)
	slots := make(chan struct{}, maxMessages)
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.tasks.Go(func() {
			defer func() { <-slots }()
			s.answer(ctx, message)
		})
	}
}

// answer answers one message.
func (s *socket) answer(ctx context.Context, message []byte) {
	r := s.r.Clone(ctx)
	r.Method = http.MethodPost
	if c := newCall(r, message); c != nil {
		if a := s.control(ctx, c); a != nil {
			s.send(ctx, a)
			return
		}
	}
	s.sendResponse(ctx, s.proxy.exchange(r, message))
}

// control answers calls about subscriptions; nil for other calls.
func (s *socket) control(ctx context.Context, c *call) *answer {
	args := c.arguments()
	switch c.method {
	case "eth_subscribe":
		s.proxy.tally.call(c)
		if len(args) == 0 || string(args[0]) != `"`+newHeads+`"` {
			return c.fail(-32601, "only newHeads can be subscribed to here")
		}
		return s.subscribe(ctx, c)
	case "eth_unsubscribe":
		s.proxy.tally.call(c)
		var id string
		if len(args) > 0 {
			_ = json.Unmarshal(args[0], &id) // an empty ID matches no subscription
		}
		return c.result(s.unsubscribe(id))
	}
	return nil
}

func (s *socket) subscribe(ctx context.Context, c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subscriptions) >= maxSubscriptions {
		return c.fail(-32000, "too many subscriptions")
	}
	s.made++
	sub := &subscription{socket: s, id: hexNumber(s.made), held: map[*rule][]byte{}}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	s.subscriptions[sub.id] = func() {
		cancel()
		<-ended
	}
	s.tasks.Go(func() {
		defer close(ended)
		defer cancel()
		s.proxy.followHeads(ctx, s.r.WithContext(ctx), sub.emit)
	})
	return c.result(sub.id)
}

// unsubscribe ends a subscription and reports whether there was one. Its last head has
// been sent when unsubscribe returns.
func (s *socket) unsubscribe(id string) bool {
	s.mu.Lock()
	end, ok := s.subscriptions[id]
	delete(s.subscriptions, id)
	s.mu.Unlock()
	if ok {
		end()
	}
	return ok
}

// send sends an answer.
func (s *socket) send(ctx context.Context, a *answer) {
	var out bytes.Buffer
	a.encode(&out)
	s.write(ctx, out.Bytes())
}

func (s *socket) write(ctx context.Context, message []byte) {
	if !s.muted.Load() {
		_ = s.conn.Write(ctx, websocket.MessageText, message)
	}
}

// sendResponse sends an HTTP response over the WebSocket. A response with a status is
// sent if it is JSON; any other one closes the connection.
func (s *socket) sendResponse(ctx context.Context, r *response) {
	if r.wait > 0 && backoff.Sleep(ctx, r.wait) != nil {
		return
	}
	body := r.encode()
	switch {
	case r.vanish || r.raw != nil || r.header.Get("Content-Encoding") != "" || r.status != 0 && !json.Valid(body):
		_ = s.conn.CloseNow()
		return
	case len(body) == 0 && r.stream == nil:
		return
	case s.muted.Load():
		return
	}
	w, err := s.conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		return
	}
	out := &throttled{ctx: ctx, w: w, cut: r.cut, rate: r.rate}
	if r.stream != nil {
		err = r.stream(ctx, out)
	} else {
		_, err = out.Write(body)
	}
	if err != nil || r.cut == 0 {
		_ = s.conn.CloseNow()
		return
	}
	_ = w.Close()
}

// emit sends a head, after the faults.
func (sub *subscription) emit(header json.RawMessage) {
	s := sub.socket
	heads := [][]byte{header}
	for _, rule := range s.proxy.rules {
		if rule.hooks.heads == nil {
			continue
		}
		var after [][]byte
		for _, head := range heads {
			c := &call{r: s.r, method: newHeads, params: jsonOf([]any{numberOf(head), sub.sent})}
			if !rule.applies(s.proxy, c) {
				after = append(after, head)
				continue
			}
			after = append(after, rule.hooks.heads(newTurn(s.proxy, rule, c), sub, head)...)
		}
		heads = after
	}
	for _, head := range heads {
		sub.sent++
		s.write(s.r.Context(), jsonOf(map[string]any{"jsonrpc": "2.0", "method": "eth_subscription",
			"params": map[string]any{"subscription": sub.id, "result": json.RawMessage(head)}}))
	}
}

func numberOf(header []byte) int64 {
	var o object
	_ = json.Unmarshal(header, &o) // 0 if it is not a header
	height, _ := heightOf(o)
	return height
}
