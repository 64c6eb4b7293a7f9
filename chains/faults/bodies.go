package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// bodyKinds are harmful bodies.
func bodyKinds() []Kind {
	mib := number("mib", 63, "how large, in MiB, decompressed")
	return []Kind{
		{Name: "endless", Chain: "any", Does: "never ends its answer", build: endless},
		{Name: "huge", Chain: "any", Does: "pads its answer to a huge size; it stays valid JSON with the same meaning", build: huge,
			Params: []Param{mib, word("how", "text", "an additional field with a long text, or spaces", "text", "spaces")}},
		{Name: "gzip-bomb", Chain: "any", Does: "pads its answer to a huge size and compresses it, for clients that accept gzip", build: bomb,
			Params: []Param{number("mib", 1024, "how large, in MiB, decompressed")}},
		{Name: "not-json", Chain: "any", Does: "answers HTTP 200 with a body that is not JSON", build: notJSON,
			Params: []Param{word("how", "truncated", "half of the answer, a page of HTML, nothing, or binary data", "truncated", "html", "empty", "binary")}},
		{Name: "echo", Chain: "any", Does: "answers with an error that repeats the client's URL and headers, and with terminal escape sequences", build: echo,
			Params: []Param{word("as", "error", "a JSON-RPC error, or HTTP 403", "error", "status")}},
		{Name: "headers", Chain: "any", Does: "answers with nonsense headers", build: oddHeaders,
			Params: []Param{word("how", "values", "bad values, or a malformed line that repeats the client's headers", "values", "malformed")}},
	}
}

// padding is a repeated chunk of a large body.
func padding(b byte) []byte { return bytes.Repeat([]byte{b}, 64<<10) }

func endless(params) hooks {
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		if !t.hit() {
			return next()
		}
		out := newResponse()
		out.stream = func(_ context.Context, w io.Writer) error {
			if _, err := io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":[`); err != nil {
				return err
			}
			piece := bytes.Repeat([]byte(`"0x00",`), 8<<10)
			for {
				if _, err := w.Write(piece); err != nil {
					return err
				}
			}
		}
		return out
	}}
}

// inflated writes a body that is larger by some MiB and has the same meaning: after its
// first bracket there are spaces, or an additional member.
func inflated(body []byte, mib int64, text bool) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		before, piece, after := body, padding(' '), []byte(nil)
		at := bytes.IndexByte(body, '{')
		if text && at >= 0 {
			before, piece, after = slices.Concat(body[:at+1], []byte(`"padding":"`)), padding('0'), slices.Concat([]byte(`",`), body[at+1:])
		} else if len(body) > 0 {
			before, after = body[:1], body[1:]
		}
		if _, err := w.Write(before); err != nil {
			return err
		}
		for range mib << 20 / int64(len(piece)) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		_, err := w.Write(after)
		return err
	}
}

func huge(p params) hooks {
	mib, text := p.number("mib"), p.word("how") == "text"
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		out := next()
		if out.status != 0 && out.status != http.StatusOK || out.stream != nil || out.vanish || !t.hit() {
			return out
		}
		out.stream = inflated(out.settle(), mib, text)
		return out
	}}
}

func bomb(p params) hooks {
	mib := p.number("mib")
	return hooks{request: func(t *turn, x *exchange, next func() *response) *response {
		out := next()
		if !strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip") || out.stream != nil || out.vanish || !t.hit() {
			return out
		}
		plain := inflated(out.settle(), mib, false)
		out.header.Set("Content-Encoding", "gzip")
		out.stream = func(ctx context.Context, w io.Writer) error {
			z := gzip.NewWriter(w)
			if err := plain(ctx, z); err != nil {
				return err
			}
			return z.Close()
		}
		return out
	}}
}

func notJSON(p params) hooks {
	how := p.word("how")
	return hooks{request: func(t *turn, _ *exchange, next func() *response) *response {
		out := next()
		if out.stream != nil || out.vanish || !t.hit() {
			return out
		}
		body := out.settle()
		switch how {
		case "truncated":
			out.body = body[:len(body)/2]
		case "html":
			out.header.Set("Content-Type", "text/html")
			out.body = []byte("<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>\n")
		case "empty":
			out.body = nil
		case "binary":
			out.body = []byte{0, 0xff, 0xfe, 0x1b, '[', '2', 'J', 0x80, '{'}
		}
		return out
	}}
}

// terminal clears the screen, sets the window's title, and forges a line of a log.
const terminal = "\x1b[2J\x1b]0;owned\x07\r\nlevel=INFO msg=\"all is well\"\u202e\u2028"

// requestText returns everything that a request reveals about its client, in the forms in
// which nodes and proxies repeat it.
func requestText(r *http.Request) string {
	parts := []string{r.URL.RequestURI(), fmt.Sprintf("%q", r.URL.RequestURI())}
	for name, values := range r.Header {
		for _, value := range values {
			parts = append(parts, name+": "+value, fmt.Sprintf("%q", value))
		}
	}
	if user, password, ok := r.BasicAuth(); ok {
		parts = append(parts, password, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func echo(p params) hooks {
	status := p.word("as") == "status"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		words := "invalid key for " + requestText(c.r) + terminal
		if c.rest != nil {
			return c.refuse(http.StatusForbidden, "web_framework_error", words)
		}
		if status {
			return &answer{call: c, status: http.StatusForbidden, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte(words)}
		}
		return c.fail(-32000, words)
	}}
}

func oddHeaders(p params) hooks {
	how := p.word("how")
	return hooks{request: func(t *turn, x *exchange, next func() *response) *response {
		out := next()
		if !t.hit() {
			return out
		}
		if how == "malformed" {
			out.raw = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + strings.NewReplacer("\r", "", "\n", "").Replace(requestText(x.r)) + " \x1b[31m\r\n\r\n")
			return out
		}
		for name, value := range map[string]string{
			"Content-Type": "text/html; charset=\x80", "Retry-After": "soon", "Date": "yesterday", "X-Padding": strings.Repeat("x", 16<<10),
			"Set-Cookie": "=", headerLedger: "99999999999999999999", headerOldest: "-1", headerChain: "",
		} {
			out.header[name] = []string{value}
		}
		return out
	}}
}
