package hostile

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"
)

// serveWebSocket serves a node's JSON-RPC over a WebSocket; each answer is one message.
func (n *Node) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has responded
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	for {
		_, body, err := conn.Read(ctx)
		if err != nil {
			return
		}
		out, err := conn.Writer(ctx, websocket.MessageText)
		if err != nil {
			return
		}
		call := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(body))
		call.Header.Set("Content-Type", "application/json")
		n.answer(message{out, http.Header{}}, call, body)
		if out.Close() != nil {
			return
		}
	}
}

// message is a response that is sent as a message: its status and its headers are lost.
type message struct {
	io.Writer
	header http.Header
}

func (m message) Header() http.Header { return m.header }
func (m message) WriteHeader(int)     {}
