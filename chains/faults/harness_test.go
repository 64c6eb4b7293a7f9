package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/replay"
)

// ethereum returns a node of a made-up chain: 10 blocks of 200 listings, 3 of sales, and
// 64 empty ones.
func ethereum() http.Handler { return replay.NewNode(replay.Synthetic(2000, 600)) }

// small returns a smaller one: 20 listings in block 1, 10 sales in block 2, and 64 empty
// blocks.
func small() http.Handler { return replay.NewNode(replay.Synthetic(20, 10)) }

const smallHead = 66

// profileOf parses the faults of a test.
func profileOf(t testing.TB, faults string) *Profile {
	t.Helper()
	p, err := Parse("test.yaml", []byte("faults:\n"+faults))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// proxyOf returns a proxy with some faults.
func proxyOf(t testing.TB, faults string, seed uint64, node http.Handler, options Options) *Proxy {
	t.Helper()
	if faults == "" {
		faults = "  []"
	}
	p, err := New(profileOf(t, faults), seed, node, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// reply is a response.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    bool
}

// send passes a request to the handler, without a network.
func send(h http.Handler, r *http.Request) (out reply) {
	w := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			out.cut = true
		}
		out.status, out.header, out.body = w.Code, w.Header(), w.Body.Bytes()
	}()
	h.ServeHTTP(w, r)
	return out
}

func sendJSON(h http.Handler, body string) reply {
	r := httptest.NewRequest(http.MethodPost, "/secret-path?key=secret-key", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Encoding", "gzip")
	r.SetBasicAuth("user", "pass-word")
	return send(h, r)
}

func get(h http.Handler, path string) reply {
	return send(h, httptest.NewRequest(http.MethodGet, path, nil))
}

// wireOf encodes a call.
func wireOf(id int, method string, params ...any) string {
	if params == nil {
		params = []any{}
	}
	return string(jsonOf(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

// result is one JSON-RPC answer.
type result struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  *rpcError
}

// String abbreviates an answer: an error, or the result.
func (r result) String() string {
	if r.Error != nil {
		return fmt.Sprintf("error %d: %s", r.Error.Code, r.Error.Message)
	}
	return string(r.Result)
}

// rpc makes a call and returns its abbreviated answer, or the status.
func rpc(h http.Handler, method string, params ...any) string {
	return sendJSON(h, wireOf(1, method, params...)).one()
}

func (r reply) one() string {
	var one result
	switch {
	case r.cut:
		return fmt.Sprintf("cut after %d bytes", len(r.body))
	case r.status != http.StatusOK:
		return fmt.Sprintf("HTTP %d: %s", r.status, bytes.TrimSpace(r.body))
	case json.Unmarshal(r.body, &one) != nil:
		return fmt.Sprintf("not JSON: %.60q", r.body)
	}
	return one.String()
}

// batch makes calls in one request.
func batch(h http.Handler, calls ...string) ([]result, reply) {
	r := sendJSON(h, "["+strings.Join(calls, ",")+"]")
	var out []result
	_ = json.Unmarshal(r.body, &out) // empty unless the body is a list
	return out, r
}

// filter is the parameter of eth_getLogs.
func filter(from, to int64) map[string]any {
	return map[string]any{"fromBlock": hexNumber(from), "toBlock": hexNumber(to)}
}

// objects decodes an answer that is a list.
func objects(t testing.TB, text string) []object {
	t.Helper()
	var out []object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return out
}

func object1(t testing.TB, text string) object {
	t.Helper()
	var out object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return out
}

// logsOf returns the logs in a range.
func logsOf(t testing.TB, h http.Handler, from, to int64) []object {
	t.Helper()
	return objects(t, rpc(h, getLogs, filter(from, to)))
}

func header(t testing.TB, h http.Handler, tag string) object {
	t.Helper()
	return object1(t, rpc(h, getBlockByNumber, tag, false))
}
