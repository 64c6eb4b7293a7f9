package faults

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/imart/event-worker/chains/internal/rpcbatch"
)

const maxBatch = 1000 // calls

// call is one JSON-RPC call, or one REST request.
type call struct {
	r            *http.Request // the HTTP request that contains the call
	id           json.RawMessage
	method       string // of REST: ledger, events, transactions, transaction, other
	params       json.RawMessage
	notification bool
	batched      bool

	rest        *restCall       // nil for JSON-RPC
	asked       *call           // the client's call, if a fault has derived this call from it
	knownResult json.RawMessage // the node's answer, if it is known already

	keyOnce sync.Once
	digest  [sha256.Size]byte
}

// key identifies equal calls.
func (c *call) key() [sha256.Size]byte {
	c.keyOnce.Do(func() {
		h := sha256.New()
		h.Write([]byte(c.method + "\x00"))
		if c.rest != nil {
			h.Write([]byte(c.rest.canonical()))
		} else {
			h.Write(canonical(c.params))
		}
		h.Sum(c.digest[:0])
	})
	return c.digest
}

// original returns the call as the client made it, which determines its faults.
func (c *call) original() *call {
	if c.asked != nil {
		return c.asked
	}
	return c
}

// with returns the same call with other parameters.
func (c *call) with(params any) *call {
	return &call{r: c.r, id: c.id, method: c.method, params: jsonOf(params), notification: c.notification, batched: c.batched, asked: c.original()}
}

// arguments returns the call's positional parameters.
func (c *call) arguments() []json.RawMessage {
	var args []json.RawMessage
	_ = json.Unmarshal(c.params, &args) // empty unless they are positional
	return args
}

// canonical returns JSON without spaces and with sorted keys.
func canonical(raw json.RawMessage) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return raw
	}
	return jsonOf(v)
}

// rpcError is the error in a JSON-RPC answer.
type rpcError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// answer is the answer to a call: a result, an error, or, if the status is not 200, the
// body of the whole response. A REST answer always has status and body.
type answer struct {
	call   *call
	result json.RawMessage
	err    *rpcError

	status int
	header http.Header
	body   []byte
}

// ok reports whether the call has a result.
func (a *answer) ok() bool {
	if a.call != nil && a.call.rest != nil {
		return a.status == http.StatusOK
	}
	return a.status == 0 && a.err == nil
}

// null reports whether the result is null.
func (a *answer) null() bool { return a.ok() && bytes.Equal(bytes.TrimSpace(a.result), []byte("null")) }

func (c *call) result(v any) *answer { return &answer{call: c, result: jsonOf(v)} }

func (c *call) fail(code int, message string) *answer {
	return &answer{call: c, err: &rpcError{Code: code, Message: message}}
}

func (a *answer) encode(out *bytes.Buffer) {
	id := json.RawMessage("null")
	if a.call != nil && len(a.call.id) > 0 {
		id = a.call.id
	}
	out.WriteString(`{"jsonrpc":"2.0","id":`)
	out.Write(id)
	if a.err != nil {
		out.WriteString(`,"error":`)
		out.Write(jsonOf(a.err))
	} else {
		out.WriteString(`,"result":`)
		out.Write(a.result)
	}
	out.WriteByte('}')
}

// wireCall is a call as it is sent.
type wireCall struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// open parses a request. A request that is not JSON-RPC is treated as REST.
func (p *Proxy) open(r *http.Request, body []byte) (*exchange, *response) {
	trimmed := bytes.TrimSpace(body)
	if r.Method != http.MethodPost {
		return newRESTExchange(r, body), nil
	}
	if bytes.HasPrefix(trimmed, []byte("[")) {
		raws, err := rpcbatch.Split(trimmed, maxBatch)
		switch {
		case errors.Is(err, rpcbatch.ErrSize):
			refused := newResponse()
			refused.answers = []*answer{(&call{}).fail(-32600, err.Error())}
			return nil, refused
		case err != nil:
			return newRESTExchange(r, body), nil
		}
		x := &exchange{r: r, batch: true, body: body}
		for _, raw := range raws {
			c := newCall(r, raw)
			if c == nil {
				c = &call{r: r, id: json.RawMessage("null")}
			}
			c.batched = true
			x.calls = append(x.calls, c)
		}
		return x, nil
	}
	if c := newCall(r, trimmed); c != nil {
		return &exchange{r: r, calls: []*call{c}, body: body}, nil
	}
	return newRESTExchange(r, body), nil
}

// newCall parses one call; nil if it is not a call.
func newCall(r *http.Request, raw json.RawMessage) *call {
	var wire wireCall
	if json.Unmarshal(raw, &wire) != nil || wire.Method == "" {
		return nil
	}
	return &call{r: r, id: wire.ID, method: wire.Method, params: wire.Params, notification: len(wire.ID) == 0}
}
