package faults

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

var errAnswerTooLarge = errors.New("the node's answer is too large")

// remote is the node at a URL.
type remote struct {
	proxy   *httputil.ReverseProxy
	secrets []string
}

// Remote returns the node at a URL as an http.Handler. All of the URL but its host is
// secret: neither errors nor answers contain it.
func Remote(base string) (http.Handler, error) {
	target, err := url.Parse(base)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("want http://host… or https://host…") // the URL itself is secret
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &remote{secrets: secretsOf(target), proxy: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, ""
			if password, ok := target.User.Password(); ok {
				r.Out.SetBasicAuth(target.User.Username(), password)
			}
			r.Out.URL.Path, r.Out.URL.RawPath = targetPath(target, r.In.URL)
			values := r.Out.URL.Query()
			for name, value := range target.Query() {
				values[name] = value
			}
			r.Out.URL.RawQuery = values.Encode()
			// The transport negotiates compression itself, and undoes it.
			r.Out.Header.Del("Accept-Encoding")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, target.Host+" cannot be reached", http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0), // its messages would contain the URL
	}}, nil
}

// ServeHTTP forwards a request. It redacts the URL in the node's answer: the proxy's
// clients do not know that the URL is secret.
func (n *remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := newRecorder()
	n.proxy.ServeHTTP(got, r)
	if got.failed {
		panic(http.ErrAbortHandler)
	}
	for name, values := range passed(got.header) {
		for _, value := range values {
			w.Header().Add(name, string(n.redact([]byte(value))))
		}
	}
	w.WriteHeader(got.status)
	_, _ = w.Write(n.redact(got.body.Bytes())) // limited to maxBody
}

func (n *remote) redact(text []byte) []byte {
	for _, secret := range n.secrets {
		text = bytes.ReplaceAll(text, []byte(secret), []byte("***"))
	}
	return text
}

// secretsOf returns the parts of a URL that may be keys. Short parts, such as "v1", are
// excluded: redacting them would remove too much.
func secretsOf(u *url.URL) []string {
	const least = 8
	parts := append(strings.Split(u.Path, "/"), u.User.Username())
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	return slices.DeleteFunc(parts, func(part string) bool { return len(part) < least })
}

// targetPath returns the path of a request at the target: the target's own, followed by the
// request's path targetPath its API's root.
func targetPath(target, asked *url.URL) (path, raw string) {
	if asked.Path == "" || asked.Path == "/" {
		return target.Path, target.RawPath
	}
	rest := asked.EscapedPath()
	base := strings.TrimSuffix(target.EscapedPath(), "/")
	if strings.HasSuffix(base, restRoot) && (rest == restRoot || strings.HasPrefix(rest, restRoot+"/")) {
		rest = strings.TrimPrefix(rest, restRoot)
	}
	raw = base + rest
	path, err := url.PathUnescape(raw)
	if err != nil {
		return target.Path, target.RawPath
	}
	return path, raw
}

// recorder keeps an answer in memory, up to maxBody.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	failed bool
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.body.Len()+len(p) > maxBody {
		r.failed = true
		return 0, errAnswerTooLarge
	}
	return r.body.Write(p)
}

// Flush implements http.Flusher for handlers that stream.
func (r *recorder) Flush() {}

// ask sends a request to a node.
func ask(ctx context.Context, node http.Handler, like *http.Request, method, path, query string, body []byte) *recorder {
	r := like.Clone(ctx)
	r.Method = method
	r.URL = &url.URL{Path: path, RawQuery: query}
	if unescaped, err := url.PathUnescape(path); err == nil && unescaped != path {
		r.URL.Path, r.URL.RawPath = unescaped, path
	}
	r.RequestURI = ""
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	r.TransferEncoding = nil
	for _, name := range []string{"Content-Length", "Accept-Encoding", "Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol"} {
		r.Header.Del(name)
	}
	out := newRecorder()
	func() {
		// A node that aborts its answer panics with ErrAbortHandler.
		defer func() {
			if v := recover(); v != nil {
				if v != http.ErrAbortHandler {
					panic(v)
				}
				out.failed = true
			}
		}()
		node.ServeHTTP(out, r)
	}()
	out.WriteHeader(http.StatusOK)
	return out
}

// brokenOff is a gateway's answer when the node aborts.
const brokenOff = "the node aborted its answer, or the answer was too large\n"

// post sends JSON to a node.
func post(ctx context.Context, node http.Handler, like *http.Request, body []byte) *recorder {
	if like.Header.Get("Content-Type") != "application/json" {
		like = like.Clone(ctx)
		like.Header.Set("Content-Type", "application/json")
	}
	return ask(ctx, node, like, http.MethodPost, like.URL.EscapedPath(), like.URL.RawQuery, body)
}

// forwardWhole forwards an exchange to the node, unchanged.
func forwardWhole(node http.Handler, x *exchange) *response {
	got := post(x.r.Context(), node, x.r, x.body)
	out := newResponse()
	if got.failed {
		out.status, out.body = http.StatusBadGateway, []byte(brokenOff)
		out.header.Set("Content-Type", "text/plain")
		return out
	}
	out.header, out.body = passed(got.header), got.body.Bytes()
	if got.status != http.StatusOK {
		out.status = got.status
	}
	return out
}

// forward forwards a call to the node.
func (p *Proxy) forward(c *call) *answer { return forwardTo(p.upstream, c) }

func forwardTo(node http.Handler, c *call) *answer {
	ctx := c.r.Context()
	if c.knownResult != nil {
		return &answer{call: c, result: c.knownResult}
	}
	if c.rest != nil {
		return c.rest.forward(ctx, node, c)
	}
	body := jsonOf(struct {
		Version string          `json:"jsonrpc"`
		ID      int             `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params,omitempty"`
	}{"2.0", 1, c.method, c.params})
	got := post(ctx, node, c.r, body)
	switch {
	case got.failed:
		return &answer{call: c, status: http.StatusBadGateway, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte(brokenOff)}
	case got.status != http.StatusOK:
		return &answer{call: c, status: got.status, header: passed(got.header), body: got.body.Bytes()}
	}
	var wire struct {
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if err := json.Unmarshal(got.body.Bytes(), &wire); err != nil {
		return &answer{call: c, status: http.StatusBadGateway, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte("the node's answer is not JSON-RPC\n")}
	}
	if wire.Error != nil {
		return &answer{call: c, err: wire.Error}
	}
	if wire.Result == nil {
		wire.Result = json.RawMessage("null")
	}
	return &answer{call: c, result: wire.Result}
}

// passed returns the headers of a node's answer that are forwarded.
func passed(h http.Header) http.Header {
	out := h.Clone()
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Connection", "Content-Encoding"} {
		out.Del(name)
	}
	return out
}
