package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/imart/event-worker/internal/backoff"
)

// exchange is one request and its calls.
type exchange struct {
	r     *http.Request
	rest  bool
	batch bool
	calls []*call
	body  []byte // unchanged
}

// whole returns the request as one call: its only call, or one that represents the
// batch.
func (x *exchange) whole() *call {
	if len(x.calls) == 1 {
		return x.calls[0]
	}
	digest := sha256.New()
	for _, c := range x.calls {
		key := c.key()
		digest.Write(key[:])
	}
	whole := &call{r: x.r, method: "batch"}
	whole.keyOnce.Do(func() { digest.Sum(whole.digest[:0]) })
	return whole
}

// groups returns the indices of the calls, grouped by equal calls.
func (x *exchange) groups() [][]int {
	if len(x.calls) == 1 {
		return [][]int{{0}}
	}
	var groups [][]int
	at := map[[sha256.Size]byte]int{}
	for i, c := range x.calls {
		key := c.key()
		g, ok := at[key]
		if !ok {
			g = len(groups)
			at[key] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// response is the response to an exchange.
type response struct {
	status  int // 200 if zero
	header  http.Header
	answers []*answer // of JSON-RPC calls, if there is no body
	batch   bool
	body    []byte
	// stream writes a body that is not held in memory.
	stream func(ctx context.Context, w io.Writer) error
	raw    []byte        // sent instead of an HTTP response
	cut    int64         // bytes after which the connection is cut; -1: never
	rate   int64         // bytes a second, 0: unlimited
	vanish bool          // the connection is cut without an answer
	wait   time.Duration // before the answer is sent
}

func newResponse() *response { return &response{header: http.Header{}, cut: -1} }

// respond builds a response from answers.
func (x *exchange) respond(answers []*answer) *response {
	out := newResponse()
	for _, a := range answers {
		if a.status != 0 && a.status != http.StatusOK || x.rest {
			out.status, out.body = a.status, a.body
			for name, values := range a.header {
				out.header[name] = values
			}
			return out
		}
	}
	out.answers, out.batch = answers, x.batch
	return out
}

// encode returns the part of the response's body that is in memory.
func (r *response) encode() []byte {
	if r.answers == nil {
		return r.body
	}
	var out bytes.Buffer
	if r.batch {
		out.WriteByte('[')
	}
	first := true
	for _, a := range r.answers {
		if a.call != nil && a.call.notification {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		a.encode(&out)
	}
	if r.batch {
		out.WriteByte(']')
	}
	if first {
		return nil // notifications are not answered
	}
	return out.Bytes()
}

// settle converts the answers to a body that faults can change.
func (r *response) settle() []byte {
	r.body, r.answers = r.encode(), nil
	return r.body
}

// write sends the response over HTTP.
func (r *response) write(w http.ResponseWriter, request *http.Request) {
	ctx := request.Context()
	if r.wait > 0 && backoff.Sleep(ctx, r.wait) != nil || r.vanish {
		panic(http.ErrAbortHandler)
	}
	if r.raw != nil {
		r.writeRaw(w)
		return
	}
	header := w.Header()
	for name, values := range r.header {
		header[name] = values
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	body := r.encode()
	if r.stream == nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	out := &throttled{ctx: ctx, w: w, cut: r.cut, rate: r.rate}
	if r.cut == 0 {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	var err error
	if r.stream != nil {
		err = r.stream(ctx, out)
	} else {
		_, err = out.Write(body)
	}
	if err != nil {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// writeRaw sends bytes that an HTTP server would not send.
func (r *response) writeRaw(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	_, _ = conn.Write(r.raw)
}

// throttled writes at a limited rate, and up to a number of bytes.
type throttled struct {
	ctx  context.Context
	w    io.Writer
	cut  int64
	rate int64
}

func (t *throttled) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if err := t.ctx.Err(); err != nil {
			return written, err
		}
		chunk := p
		if t.rate > 0 {
			// Twenty chunks a second resemble a slow connection.
			chunk = p[:min(int64(len(p)), max(t.rate/20, 1))]
		}
		if t.cut >= 0 {
			chunk = chunk[:min(int64(len(chunk)), t.cut)]
		}
		n, err := t.w.Write(chunk)
		written += n
		p = p[n:]
		if err != nil {
			return written, err
		}
		if t.cut >= 0 {
			if t.cut -= int64(n); t.cut == 0 {
				return written, io.ErrUnexpectedEOF
			}
		}
		if t.rate > 0 {
			if flusher, ok := t.w.(http.Flusher); ok {
				flusher.Flush()
			}
			if len(p) > 0 && backoff.Sleep(t.ctx, time.Duration(float64(n)/float64(t.rate)*float64(time.Second))) != nil {
				return written, t.ctx.Err()
			}
		}
	}
	return written, nil
}

// jsonOf marshals a value that can always be marshalled.
func jsonOf(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}
