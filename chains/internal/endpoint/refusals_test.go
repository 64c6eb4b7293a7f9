package endpoint_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// classesOf are the classes that a refusal with one of the causes of package faults may
// have.
var classesOf = map[string][]string{
	"range":     {endpoint.RangeTooLarge},
	"results":   {endpoint.TooManyResults},
	"size":      {endpoint.AnswerTooLarge},
	"timeout":   {endpoint.Timeout},
	"vague":     {endpoint.RPC, endpoint.HTTP5xx, endpoint.Timeout},
	"addresses": {endpoint.TooManyAddresses},
	"batch":     {endpoint.BatchTooLarge},
	"rate":      {endpoint.RateLimited, endpoint.ComputeUnits},
	"pruned":    {endpoint.Pruned},
	"state":     {endpoint.Pruned},
	"hash":      {endpoint.RPC},
	"method":    {endpoint.MissingMethod},
}

const (
	hintFrom, hintTo = 18_000_000, 18_000_009
	asked            = 123_456
)

// said is what a refusal says, with its numbers filled in.
func said(words string, most int64) string {
	commas := strconv.FormatInt(most, 10)
	if n := len(commas); n > 3 {
		commas = commas[:n-3] + "," + commas[n-3:]
	}
	thousands := strconv.FormatInt(most, 10)
	if most%1000 == 0 {
		thousands = strconv.FormatInt(most/1000, 10) + "k"
	}
	return strings.NewReplacer(
		"{max}", strconv.FormatInt(most, 10), "{max,}", commas, "{maxk}", thousands, "{asked}", strconv.Itoa(asked),
		"{asked.from}", strconv.Itoa(hintFrom), "{asked.to}", strconv.Itoa(hintFrom+asked-1),
		"{from}", fmt.Sprintf("%#x", hintFrom), "{to}", fmt.Sprintf("%#x", hintTo),
		"{retry.from}", strconv.Itoa(hintFrom), "{retry.to}", strconv.Itoa(hintTo), "{method}", "eth_getLogs",
	).Replace(words)
}

func TestKnownRefusals(t *testing.T) {
	for _, r := range faults.Refusals() {
		for _, most := range []int64{1, 3, 5, 10, 100, 128, 500, 1000, 2000, 10_000, 50_000} {
			t.Run(fmt.Sprintf("%s/%d", r.Name, most), func(t *testing.T) {
				text := said(r.Words, most)
				if r.Status != 0 {
					checkRefusal(t, r, most, answered(t, r.Status, r.Code, text))
				}
				if r.Code != 0 {
					checkRefusal(t, r, most, endpoint.Classify(0, int64(r.Code), strings.TrimSpace(text+" "+said(r.Data, most))))
				}
			})
		}
	}
}

// answered is how an endpoint understands an HTTP answer.
func answered(t *testing.T, status, code int, text string) endpoint.Refusal {
	t.Helper()
	body := []byte(text)
	if code != 0 {
		body, _ = json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "result": nil, "error": map[string]any{"code": code, "message": text}})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write(body)
	}))
	defer server.Close()
	e, err := endpoint.New(endpoint.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Post(t.Context(), []byte("{}"))
	return endpoint.RefusalOf(err)
}

func checkRefusal(t *testing.T, r faults.Refusal, most int64, got endpoint.Refusal) {
	t.Helper()
	classes := classesOf[r.Cause]
	switch r.Name {
	case "http-batch": // nothing tells it from an answer that is too large
		classes = []string{endpoint.AnswerTooLarge}
	case "bsc": // it says so of results too, so that it is not to last
		classes = []string{endpoint.TooManyResults}
	}
	if !slices.Contains(classes, got.Class) {
		t.Errorf("class %s, want one of %v: %q", got.Class, classes, said(r.Words, most))
	}
	limit := int64(0)
	if strings.Contains(r.Words, "{max") && slices.Contains([]string{"range", "addresses", "batch"}, r.Cause) {
		limit = most
	}
	if got.Limit != limit {
		t.Errorf("limit %d, want %d: %q", got.Limit, limit, said(r.Words, most))
	}
	var from, to int64
	if strings.Contains(r.Words, "{from}") || strings.Contains(r.Words, "{retry.from}") {
		from, to = hintFrom, hintTo
	}
	if got.From != from || got.To != to {
		t.Errorf("hint %d to %d, want %d to %d: %q", got.From, got.To, from, to, said(r.Words, most))
	}
}

func TestWhatRefusalsSay(t *testing.T) {
	type refusal = endpoint.Refusal
	const params, server, internal, limit = -32602, -32000, -32603, -32005
	tests := []struct {
		status int
		code   int64
		text   string
		want   refusal
	}{
		// Ranges.
		{0, params, "eth_getLogs is limited to a 10,000 block range", refusal{Class: endpoint.RangeTooLarge, Limit: 10_000}},
		{0, params, "eth_getLogs is limited to 10k block range", refusal{Class: endpoint.RangeTooLarge, Limit: 10_000}},
		{0, params, "up to a 10K block range", refusal{Class: endpoint.RangeTooLarge, Limit: 10_000}},
		{0, server, "maximum block range: 2_000", refusal{Class: endpoint.RangeTooLarge, Limit: 2000}},
		{0, server, "at most 1024 blocks", refusal{Class: endpoint.RangeTooLarge, Limit: 1024}},
		{0, server, "maximum allowed is 3000 blocks", refusal{Class: endpoint.RangeTooLarge, Limit: 3000}},
		{0, limit, "this block range should work: [0x10, 0x1f]", refusal{Class: endpoint.RangeTooLarge, From: 16, To: 31}},
		{0, limit, "Try with this block range [0x10,0x1f].", refusal{Class: endpoint.RangeTooLarge, From: 16, To: 31}},
		{0, params, "retry with the range 16-31", refusal{Class: endpoint.RangeTooLarge, From: 16, To: 31}},
		{0, params, "block range too large, retry with the range 31-16", refusal{Class: endpoint.RangeTooLarge}},
		{0, limit, "block range too large [0xffffffffffffffff, 0xffffffffffffffff]", refusal{Class: endpoint.RangeTooLarge}},
		{0, limit, "limit exceeded", refusal{Class: endpoint.TooManyResults}},
		{0, server, "exceed maximum block range 99999999999999999999", refusal{Class: endpoint.RangeTooLarge}},
		{0, server, "invalid block range params: block range exceeds 5000 blocks for this rate plan, too many requests use it", refusal{Class: endpoint.RangeTooLarge, Limit: 5000}},
		{0, server, "requests with a block range over 100 exceed the rate limit of your plan", refusal{Class: endpoint.RangeTooLarge, Limit: 100}},
		{0, server, "eth_getLogs block range is limited, your request of 5000 blocks exceeds the limit", refusal{Class: endpoint.RangeTooLarge}},
		{0, params, "block range too wide: from 18000000 to 18005000", refusal{Class: endpoint.RangeTooLarge}},
		{0, params, "block range too large (code 413, request 7f3a)", refusal{Class: endpoint.RangeTooLarge}},
		{0, server, "block range limit exceeded, retry after 30 seconds with fewer", refusal{Class: endpoint.RangeTooLarge}},

		// What is not a limit of a range.
		{0, server, "state is only available for the last 128 blocks", refusal{Class: endpoint.Pruned}},
		{0, server, "historical state not available: only the last 128 blocks are kept", refusal{Class: endpoint.Pruned}},
		{0, server, "block number out of range: head is 1000", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "logs are limited to the last 10000 blocks, use an archive node", refusal{Class: endpoint.Pruned}},

		// Results and sizes.
		{0, limit, "query returned more than 10,000 results", refusal{Class: endpoint.TooManyResults}},
		{0, server, "query exceeds max results 20000", refusal{Class: endpoint.TooManyResults}},
		{0, server, "response size is larger than 10MB limit", refusal{Class: endpoint.AnswerTooLarge}},
		{413, 0, "", refusal{Class: endpoint.AnswerTooLarge}},

		// Rates.
		{429, 0, "", refusal{Class: endpoint.RateLimited}},
		{429, 0, "retry in 10s", refusal{Class: endpoint.RateLimited, Wait: 10 * time.Second}},
		{0, 429, "Your app has exceeded its throughput", refusal{Class: endpoint.ComputeUnits}},
		{0, limit, "request rate exceeded, try again in 250ms", refusal{Class: endpoint.RateLimited, Wait: 250 * time.Millisecond}},
		{0, limit, "daily request count exceeded", refusal{Class: endpoint.RateLimited}},
		{0, server, "too many requests, retry after 2 minutes", refusal{Class: endpoint.RateLimited, Wait: 2 * time.Minute}},
		{0, server, "rate limit exceeded, wait 99999 min", refusal{Class: endpoint.RateLimited, Wait: 10 * time.Minute}},
		{0, server, "you have reached 50/sec", refusal{Class: endpoint.RateLimited}},
		{0, server, "concurrent requests limit exceeded", refusal{Class: endpoint.RateLimited}},
		{429, 0, "batch of requests refused: 300 calls per second", refusal{Class: endpoint.RateLimited}},
		{429, 0, "Too many requests from this address, limit 40", refusal{Class: endpoint.RateLimited}},
		{0, server, "Too many requests. Requests are limited by IP address", refusal{Class: endpoint.RateLimited}},

		// Blocks.
		{0, server, "header not found", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "unknown block", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "block not found", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "requested block 1000 is beyond current head 900", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "cannot query unfinalized data: requested from block 10 after last accepted block 9", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "block #100 not yet available", refusal{Class: endpoint.UnknownBlock}},
		{0, params, "invalid block range params", refusal{Class: endpoint.UnknownBlock}}, // reth and geth: from beyond the head, or above to
		{0, server, "finalized block not found", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "missing trie node 0xabc (path )", refusal{Class: endpoint.Pruned}},
		{0, 4444, "gone", refusal{Class: endpoint.Pruned}},
		{410, 0, `{"message":"Ledger version(1) has been pruned","error_code":"version_pruned"}`, refusal{Class: endpoint.Pruned}},
		{500, 0, "Internal: Ledger version has been pruned", refusal{Class: endpoint.Pruned}},

		// Calls of contracts. Whatever words a contract chooses, they are its own.
		{0, 3, "execution reverted: rate limit exceeded", refusal{Class: endpoint.Reverted}},
		{0, server, "execution reverted: missing trie node", refusal{Class: endpoint.Reverted}},
		{0, server, "Execution reverted 0x08c379a0", refusal{Class: endpoint.Reverted}},
		{0, -32015, "VM execution error. Reverted 0x08c379a0", refusal{Class: endpoint.Reverted}},
		{0, internal, "Error: VM Exception while processing transaction: reverted with reason string 'out of gas, retry in 10s'", refusal{Class: endpoint.Reverted}},
		{0, internal, "EVM error: InvalidJump", refusal{Class: endpoint.Reverted}},
		{0, internal, "EVM error InvalidFEOpcode", refusal{Class: endpoint.Reverted}}, // anvil
		{0, server, "invalid opcode: INVALID", refusal{Class: endpoint.Reverted}},
		{0, server, "stack underflow (0 <=> 2)", refusal{Class: endpoint.Reverted}},
		{200, 3, "", refusal{Class: endpoint.Reverted}},
		{0, server, "out of gas", refusal{Class: endpoint.OutOfGas}},
		{0, internal, "EVM error: OutOfGas(Basic)", refusal{Class: endpoint.OutOfGas}},
		{0, server, "gas required exceeds allowance (50000000)", refusal{Class: endpoint.OutOfGas}},
		{0, server, "execution aborted (timeout = 5s)", refusal{Class: endpoint.Timeout}},
		{0, server, "hash is not currently canonical", refusal{Class: endpoint.UnknownBlock}},
		{0, server, "header for hash not found", refusal{Class: endpoint.UnknownBlock}},

		// Methods, access, time.
		{0, -32601, "nope", refusal{Class: endpoint.MissingMethod}},
		{0, server, "eth_getBlockReceipts: method not found", refusal{Class: endpoint.MissingMethod}},
		{0, server, "unsupported block tag: finalized", refusal{Class: endpoint.MissingMethod}},
		{401, 0, "", refusal{Class: endpoint.Unauthorized}},
		{403, 0, "Forbidden", refusal{Class: endpoint.Unauthorized}},
		{0, server, "Unauthorized: You must authenticate your request with an API key", refusal{Class: endpoint.Unauthorized}},
		{0, server, "invalid api key", refusal{Class: endpoint.Unauthorized}},
		{504, 0, "", refusal{Class: endpoint.Timeout}},
		{0, server, "request timed out", refusal{Class: endpoint.Timeout}},
		{0, server, "query took too long", refusal{Class: endpoint.Timeout}},

		// Vague ones, and pages of web servers.
		{0, internal, "Internal error", refusal{Class: endpoint.RPC}},
		{0, server, "", refusal{Class: endpoint.RPC}},
		{503, 0, "", refusal{Class: endpoint.HTTP5xx}},
		{404, 0, "404 page not found", refusal{Class: endpoint.HTTP4xx}},
		{502, 0, `<html><head><title>502 Bad Gateway</title></head><body><s>The limit of requests</s> a block of text, not available</body></html>`, refusal{Class: endpoint.HTTP5xx}},
		{520, 0, `<!DOCTYPE html><html><head><link href="/s/style.css"></head><body>Web server is returning an unknown error</body></html>`, refusal{Class: endpoint.HTTP5xx}},
		{429, 0, `<html><body>unknown block</body></html>`, refusal{Class: endpoint.RateLimited}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %d %.60s", test.status, test.code, test.text), func(t *testing.T) {
			if got := endpoint.Classify(test.status, test.code, test.text); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
