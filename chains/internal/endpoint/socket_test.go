package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestRequestsShareAConnection(t *testing.T) {
	const requests, total = 60, 8 << 20
	s := serveSocket(t, Config{Budget: NewBudget(total)}, func(ctx context.Context, conn *websocket.Conn, _ int64) {
		var held [][]byte // are answered in reverse
		for {
			_, request, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if held = append(held, request); len(held) < 4 {
				continue
			}
			for i := len(held) - 1; i >= 0; i-- {
				if conn.Write(ctx, websocket.MessageText, echo(held[i])) != nil {
					return
				}
			}
			held = nil
		}
	})
	var all sync.WaitGroup
	for i := range int64(requests) {
		all.Go(func() { checkEcho(t, s.endpoint, 100*i, 1+i%3*5) })
	}
	all.Wait()
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if !s.endpoint.KeepsConnection() || s.endpoint.Connection() == nil {
		t.Error("no connection is kept")
	}
	checkReleased(t, s.endpoint, total)
}

func TestALostConnectionIsMadeAgain(t *testing.T) {
	tests := map[string]func(context.Context, *websocket.Conn){
		"closed with a reason": func(_ context.Context, conn *websocket.Conn) {
			conn.Close(websocket.StatusGoingAway, "no more of "+apiKey)
		},
		"broken off": func(_ context.Context, conn *websocket.Conn) { conn.CloseNow() },
		"broken off in an answer": func(ctx context.Context, conn *websocket.Conn) {
			if w, err := conn.Writer(ctx, websocket.MessageText); err == nil {
				w.Write([]byte(strings.Repeat(`{"id`, 10_000)))
			}
			conn.CloseNow()
		},
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			const total = 8 << 20
			s := serveSocket(t, Config{Budget: NewBudget(total)}, func(ctx context.Context, conn *websocket.Conn, number int64) {
				if number > 1 {
					echoAll(ctx, conn, number)
				} else if _, _, err := conn.Read(ctx); err == nil {
					lose(ctx, conn)
				}
			})
			e := s.endpoint
			e.MarkVerified()
			_, err := e.Post(t.Context(), calls(1, 1))
			if ClassOf(err) != Transport {
				t.Errorf("error of class %s: %v", ClassOf(err), err)
			}
			if err != nil && strings.Contains(err.Error()+e.Status().LastError, apiKey) {
				t.Errorf("the secret is told: %v", err)
			}
			if e.VerifiedWithin(time.Hour) {
				t.Error("what answers next may be another chain")
			}
			checkEcho(t, e, 2, 3)
			checkReleased(t, e, total)
		})
	}
}

func TestAnErrorForAWholeBatchIsTold(t *testing.T) {
	const refusal = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}`
	var small atomic.Bool
	s := serveSocket(t, Config{Timeout: 5 * time.Second}, func(ctx context.Context, conn *websocket.Conn, _ int64) {
		var kept []byte
		for {
			_, request, err := conn.Read(ctx)
			if err != nil {
				return
			}
			answer := []byte(refusal)
			if request[0] != '[' {
				kept, answer = request, []byte("null")
				small.Store(true)
			}
			if conn.Write(ctx, websocket.MessageText, answer) != nil {
				return
			}
			if request[0] == '[' && kept != nil && conn.Write(ctx, websocket.MessageText, echo(kept)) != nil {
				return
			}
		}
	})
	var all sync.WaitGroup
	all.Go(func() { checkEcho(t, s.endpoint, 1, 1) }) // waits beside the batch
	for !small.Load() {
		time.Sleep(time.Millisecond)
	}
	answer, err := s.endpoint.PostCalls(t.Context(), 100, calls(2, 100))
	if err != nil {
		t.Fatal(err)
	}
	if string(answer.Body()) != refusal {
		t.Errorf("answer %s", answer.Body())
	}
	answer.Release()
	all.Wait()
}

func TestNewHeadsAreAnnouncedAndGarbageIsIgnored(t *testing.T) {
	const total = 8 << 20
	garbage := []string{
		"", "null", "[]", "[null]", "[7]", "{", "}", "<html>", `{"id":"x"}`, `{"id":1e99}`, `{"id":{}}`, `[{"id":5},{"id":99999999}]`, `{"method":7}`,
		`{"method":"other"}`, `{"id":12345,"result":"nobody asked"}`, `{"id":null,"result":1}`, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), "\xff\xfe",
	}
	const head = `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{"number":"0x1"}}}`
	s := serveSocket(t, Config{Budget: NewBudget(total)}, func(ctx context.Context, conn *websocket.Conn, _ int64) {
		_, request, err := conn.Read(ctx)
		if err != nil {
			return
		}
		for _, message := range garbage {
			if conn.Write(ctx, websocket.MessageBinary, []byte(message)) != nil || conn.Write(ctx, websocket.MessageText, []byte(head)) != nil {
				return
			}
		}
		conn.Write(ctx, websocket.MessageText, echo(request))
		conn.Read(ctx)
	})
	heads := 0
	if !s.endpoint.OnHeads(func() { heads++ }) {
		t.Error("a connection that is kept announces no heads")
	}
	checkEcho(t, s.endpoint, 3, 5)
	if heads != len(garbage) {
		t.Errorf("%d heads announced, want %d", heads, len(garbage))
	}
	checkReleased(t, s.endpoint, total)
	if over, err := New(Config{URL: "http://host"}); err != nil || over.OnHeads(func() {}) || over.Connection() != nil || over.KeepsConnection() {
		t.Error("heads are announced over HTTP")
	}
}

func TestAHugeMessageIsNotRead(t *testing.T) {
	const total = 8 << 20
	s := serveSocket(t, Config{Budget: NewBudget(total), MaxBody: 100_000}, func(ctx context.Context, conn *websocket.Conn, number int64) {
		_, request, err := conn.Read(ctx)
		if err != nil {
			return
		}
		w, _ := conn.Writer(ctx, websocket.MessageText)
		for err == nil && number == 1 {
			_, err = w.Write(make([]byte, 10_000))
		}
		if number > 1 {
			conn.Write(ctx, websocket.MessageText, echo(request))
			conn.Read(ctx)
		}
	})
	if _, err := s.endpoint.Post(t.Context(), calls(1, 1)); !errors.Is(err, ErrTooLarge) || ClassOf(err) != AnswerTooLarge {
		t.Errorf("error of class %s: %v", ClassOf(err), err)
	}
	checkReleased(t, s.endpoint, total)
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	tests := map[string]func(context.Context, *websocket.Conn){
		"nothing": func(context.Context, *websocket.Conn) {},
		"notifications": func(ctx context.Context, conn *websocket.Conn) {
			for err := error(nil); err == nil; {
				if _, _, err = conn.Read(ctx); err == nil { // a request
					err = conn.Write(ctx, websocket.MessageText, []byte(`{"method":"eth_subscription","params":{}}`))
				}
			}
		},
		"a message without an end": func(ctx context.Context, conn *websocket.Conn) {
			w, err := conn.Writer(ctx, websocket.MessageText)
			go conn.Read(ctx) // sees that the client is gone
			for tick := time.NewTicker(5 * time.Millisecond); err == nil; <-tick.C {
				_, err = w.Write([]byte(strings.Repeat("{", 5_000)))
			}
		},
	}
	for name, first := range tests {
		t.Run(name, func(t *testing.T) {
			const total = 8 << 20
			s := serveSocket(t, Config{Budget: NewBudget(total), Timeout: time.Second}, func(ctx context.Context, conn *websocket.Conn, number int64) {
				if number == 1 {
					first(ctx, conn)
					for {
						if _, _, err := conn.Read(ctx); err != nil {
							return
						}
					}
				}
				echoAll(ctx, conn, number)
			})
			if _, err := s.endpoint.Post(t.Context(), calls(1, 1)); err == nil {
				t.Error("no error")
			}
			for id := int64(2); s.connections.Load() < 2 && id < 5; id++ {
				if answer, err := s.endpoint.Post(t.Context(), calls(id, 1)); err == nil {
					answer.Release()
				}
			}
			checkEcho(t, s.endpoint, 10, 1)
			checkReleased(t, s.endpoint, total)
		})
	}
}

func TestARequestThatIsGivenUpLeavesNothing(t *testing.T) {
	const total = 8 << 20
	s := serveSocket(t, Config{Budget: NewBudget(total)}, func(ctx context.Context, conn *websocket.Conn, n int64) { echoAll(ctx, conn, n) })
	var all sync.WaitGroup
	for i := range int64(200) {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
			defer cancel()
			if answer, err := s.endpoint.Post(ctx, calls(i, 1)); err == nil {
				answer.Release()
			}
		})
	}
	all.Wait()
	checkEcho(t, s.endpoint, 1000, 1)
	checkReleased(t, s.endpoint, total)
	s.endpoint.Close()
	if _, err := s.endpoint.Post(t.Context(), calls(1, 1)); err == nil {
		t.Error("a closed endpoint connects")
	}
}

// A request that is cancelled while it is written does not harm the next one.
func TestTheRequestAfterACancelledOne(t *testing.T) {
	s := serveSocket(t, Config{}, echoAll)
	for i := range int64(500) {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if answer, err := s.endpoint.Post(ctx, calls(i, 1)); err == nil {
			answer.Release()
		}
		checkEcho(t, s.endpoint, 1000+i, 1)
	}
}

// A refusal that arrives while its request is still being written does not leak memory when
// the write then fails.
func TestARefusalDuringTheWrite(t *testing.T) {
	const total = 16 << 20
	s := serveSocket(t, Config{Budget: NewBudget(total)}, func(ctx context.Context, conn *websocket.Conn, _ int64) {
		if _, _, err := conn.Reader(ctx); err != nil { // the request has begun
			t.Error(err)
		}
		if err := conn.Write(ctx, websocket.MessageText, echo(nil)); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	posted := make(chan error)
	go func() {
		const size = 16 << 20 // bytes, more than the sockets' buffers hold
		_, err := s.endpoint.Post(ctx, fmt.Appendf(nil, `{"id":1,"method":"m","params":["%s"]}`, strings.Repeat("x", size)))
		posted <- err
	}()
	for refused := false; !refused; time.Sleep(time.Millisecond) {
		if conn := s.endpoint.transport.(*socket).alive(); conn != nil && conn.received.Load() > 0 {
			conn.mu.Lock()
			refused = len(conn.waiting) == 0
			conn.mu.Unlock()
		}
	}
	cancel()
	if err := <-posted; !errors.Is(err, context.Canceled) {
		t.Errorf("want a write that is cancelled: %v", err)
	}
	checkReleased(t, s.endpoint, total)
}

func TestARefusedHandshakeIsUnderstood(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		json.NewEncoder(w).Encode(map[string]string{"message": "too many for " + r.URL.String()})
	}))
	t.Cleanup(server.Close)
	e, err := New(Config{URL: strings.Replace(withSecrets(server.Listener.Addr().String()), "http", "ws", 1)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Post(t.Context(), calls(1, 1))
	if r := RefusalOf(err); r.Class != RateLimited || r.Wait != 7*time.Second {
		t.Errorf("%+v: %v", r, err)
	}
	if strings.Contains(err.Error(), apiKey) || !strings.Contains(err.Error(), "too many for") {
		t.Error(err)
	}
}
