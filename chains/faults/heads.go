package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/imart/event-worker/internal/backoff"
)

// followHeads emits the node's new heads, after the faults, until the context ends.
func (p *Proxy) followHeads(ctx context.Context, r *http.Request, emit func(json.RawMessage)) {
	if p.options.WebSocket == "" {
		p.pollHeads(ctx, r, emit)
		return
	}
	for ctx.Err() == nil {
		p.passHeads(ctx, r, emit)
		_ = backoff.Sleep(ctx, time.Second) // before reconnecting
	}
}

// passHeads subscribes to the node's new heads and emits them, until the connection
// ends.
func (p *Proxy) passHeads(ctx context.Context, r *http.Request, emit func(json.RawMessage)) {
	conn, _, err := websocket.Dial(ctx, p.options.WebSocket, &websocket.DialOptions{HTTPHeader: headersFor(r)})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxBody)
	if conn.Write(ctx, websocket.MessageText, []byte(`{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}`)) != nil {
		return
	}
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var wire struct {
			Params struct {
				Result json.RawMessage `json:"result"`
			} `json:"params"`
		}
		var header object
		if json.Unmarshal(message, &wire) != nil || json.Unmarshal(wire.Params.Result, &header) != nil {
			continue
		}
		// The faults of headers apply to heads too.
		a := p.call(&call{r: r, method: getBlockByNumber, params: jsonOf([]any{header.text("number"), false}), knownResult: wire.Params.Result}, 0)
		if a.ok() && !a.null() {
			emit(a.result)
		}
	}
}

// headersFor returns a client's end-to-end headers, for the node.
func headersFor(r *http.Request) http.Header {
	out := http.Header{}
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		if values := r.Header.Values(name); len(values) > 0 {
			out[name] = values
		}
	}
	return out
}

// pollHeads polls the node for new heads.
func (p *Proxy) pollHeads(ctx context.Context, r *http.Request, emit func(json.RawMessage)) {
	interval := p.options.Heads
	if interval <= 0 {
		interval = 500 * time.Millisecond
	}
	header := func(tag string) (object, json.RawMessage) {
		a := p.call(&call{r: r, method: getBlockByNumber, params: jsonOf([]any{tag, false})}, 0)
		var o object
		if !a.ok() || json.Unmarshal(a.result, &o) != nil {
			return nil, nil
		}
		return o, a.result
	}
	const most = 64 // blocks emitted when several arrived together
	last, lastHash := int64(-1), ""
	for {
		if o, raw := header("latest"); o != nil {
			height, _ := heightOf(o)
			hash := o.text("hash")
			switch {
			case last < 0: // a subscription starts with the next head
			case hash == lastHash:
			default:
				for between := max(last+1, height-most); between < height; between++ {
					if _, raw := header(hexNumber(between)); raw != nil {
						emit(raw)
					}
				}
				emit(raw)
			}
			last, lastHash = height, hash
		}
		if backoff.Sleep(ctx, interval) != nil {
			return
		}
	}
}
