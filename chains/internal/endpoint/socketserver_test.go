package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// socketServer serves WebSocket connections with a function each.
type socketServer struct {
	endpoint    *Endpoint
	connections atomic.Int64
}

func serveSocket(t *testing.T, cfg Config, serve func(ctx context.Context, conn *websocket.Conn, number int64)) *socketServer {
	t.Helper()
	s := &socketServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(1 << 20)
		serve(r.Context(), conn, s.connections.Add(1))
	}))
	t.Cleanup(server.Close)
	cfg.URL = strings.Replace(withSecrets(server.Listener.Addr().String()), "http", "ws", 1)
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s.endpoint = e
	return s
}

// calls is a request of calls with ids from first on, a batch if there are several.
func calls(first, n int64) []byte {
	each := make([]string, n)
	for i := range each {
		each[i] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"m","params":[]}`, first+int64(i))
	}
	if n == 1 {
		return []byte(each[0])
	}
	return []byte("[" + strings.Join(each, ",") + "]")
}

// echo answers a request: each call with its id.
func echo(request []byte) []byte {
	first, last, err := idsOf(request)
	if err != nil {
		return []byte(`{"id":null,"error":{"code":-32700,"message":"parse error"}}`)
	}
	return echoOf(first, last, request[0] == '[')
}

func echoOf(first, last int64, batch bool) []byte {
	var each []string
	for id := last; id >= first; id-- {
		each = append(each, fmt.Sprintf(`{"jsonrpc":"2.0","result":"%d","id":%d}`, id, id))
	}
	if !batch {
		return []byte(each[0])
	}
	return []byte("[" + strings.Join(each, ",") + "]")
}

// checkEcho sends a request and checks that the answer is its own.
func checkEcho(t *testing.T, e *Endpoint, first, n int64) {
	t.Helper()
	answer, err := e.PostCalls(t.Context(), int(n), calls(first, n))
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Release()
	if want := echoOf(first, first+n-1, n > 1); !bytes.Equal(answer.Body(), want) {
		t.Errorf("calls %d to %d: answer %.200s", first, first+n-1, answer.Body())
	}
}

func echoAll(ctx context.Context, conn *websocket.Conn, _ int64) {
	for {
		_, request, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if err := conn.Write(ctx, websocket.MessageText, echo(request)); err != nil {
			return
		}
	}
}
