package hostile

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/coder/websocket"
)

// serveWebSocket serves a node's JSON-RPC over a WebSocket; each answer is one message.
func (n *Node) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if n.Answer.Frame != "" && !n.redeemed.Load() {
		n.sendFrames(w, r)
		return
	}
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

// sendFrames accepts a WebSocket and sends frames until the client is gone, or the node is
// redeemed; it reads nothing.
func (n *Node) sendFrames(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	n.hostile.Add(1)
	key := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n%s",
		base64.StdEncoding.EncodeToString(key[:]), n.Answer.Frames)
	endless(conn, n.Answer.Frame)
}

// Frames are hostile answers over a WebSocket.
func Frames() []Answer {
	heads := `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{}}}`
	return []Answer{
		{Name: "a frame of 2^63-1 bytes", Frames: "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", Frame: "["},
		{Name: "parts without an end", Frames: "\x01\x01[", Frame: "\x00\x00"},
		{Name: "large parts without an end", Frames: "\x01\x01[", Frame: "\x00\x7e\xff\xff" + strings.Repeat(" ", 1<<16-1)},
		{Name: "pings", Frame: "\x89\x01x"},
		{Name: "heads", Frame: "\x81" + string(rune(len(heads))) + heads},
		{Name: "messages without ids", Frame: "\x81\x02{}"},
		{Name: "answers to nobody", Frame: "\x81\x08{\"id\":9}"},
		{Name: "garbage", Frame: string(garbage(4000))},
	}
}

// message is a response that is sent as a message: its status and its headers are lost.
type message struct {
	io.Writer
	header http.Header
}

func (m message) Header() http.Header { return m.header }
func (m message) WriteHeader(int)     {}
