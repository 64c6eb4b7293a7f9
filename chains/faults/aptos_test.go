package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// eventsPath is the handle of the made-up node.
const eventsPath = "/v1/accounts/0x1/events/0x1::m::E/list"

// TestAptosKinds triggers each fault of Aptos, and expects the node's own answer from a
// proxy without it.
func TestAptosKinds(t *testing.T) {
	node := made()
	summary := func(r reply) string {
		var list []struct{ Version, Sequence_number string }
		if r.status != http.StatusOK {
			return fmt.Sprintf("HTTP %d %.75s", r.status, r.body)
		}
		if json.Unmarshal(r.body, &list) != nil {
			return string(r.body)
		}
		if len(list) == 0 {
			return "0"
		}
		return fmt.Sprintf("%d from %s", len(list), list[0].Version)
	}
	ask := func(path string) func(http.Handler) string {
		return func(h http.Handler) string {
			r := get(h, path)
			return fmt.Sprintf("%s, ledger %s, oldest %s, chain %s, retry %s", summary(r), r.header.Get(headerLedger), r.header.Get(headerOldest), r.header.Get(headerChain), r.header.Get("Retry-After"))
		}
	}
	const events, transactions = eventsPath, "/v1/transactions"
	for _, test := range []struct {
		kind, params string
		path         string
		want, plain  string
	}{
		{"aptos-short-page", "", events + "?start=10&limit=100", "25 from 1010, ledger 1199, oldest 0, chain 1, retry ", "100 from 1010, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-short-page", "most: 7", transactions + "?start=5&limit=100", "7 from 5, ledger 1199, oldest 0, chain 1, retry ", "100 from 5, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-newest", "", events + "?start=10&limit=5", "5 from 1195, ledger 1199, oldest 0, chain 1, retry ", "5 from 1010, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-pruned", "below: 1100", events + "?start=10&limit=5", `HTTP 410 {"error_code":"version_pruned","message":"Ledger version(1010) has been pru, ledger 1199, oldest 1100, chain 1, retry `, "5 from 1010, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-pruned", "keep: 100, answer: error", transactions + "?start=10&limit=5", `HTTP 500 {"error_code":"internal_error","message":"Failed to get transaction at vers, ledger 1199, oldest 1100, chain 1, retry `, "5 from 10, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-pruned", "keep: 100", transactions + "/by_version/1099", `HTTP 410 {"error_code":"version_pruned","message":"Ledger version(1099) has been pru, ledger 1199, oldest 1100, chain 1, retry `, `{"version":"1099"}, ledger 1199, oldest 0, chain 1, retry `},
		{"aptos-pruned", "keep: 100", "/v1", `{"chain_id":1,"ledger_version":"1199","oldest_ledger_version":"1100"}, ledger 1199, oldest 1100, chain 1, retry `, `{"chain_id":1,"ledger_version":"1199","oldest_ledger_version":"0"}, ledger 1199, oldest 0, chain 1, retry `},
		{"aptos-events-pruned", "below: 60", events + "?start=59", `HTTP 410 {"error_code":"version_pruned","message":"Ledger version(59) has been prune, ledger 1199, oldest 0, chain 1, retry `, "25 from 1059, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-events-pruned", "below: 60, answer: empty", events + "?start=59", "0, ledger 1199, oldest 0, chain 1, retry ", "25 from 1059, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-lag", "versions: 100", events + "?start=90", "10 from 1090, ledger 1099, oldest 0, chain 1, retry ", "25 from 1090, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-lag", "versions: 100, what: header", events + "?start=90", "25 from 1090, ledger 1099, oldest 0, chain 1, retry ", "25 from 1090, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-lag", "versions: 100", transactions + "/by_version/1100", `HTTP 404 {"error_code":"version_not_found","message":"Ledger version(1100) not found, ledger 1099, oldest 0, chain 1, retry `, `{"version":"1100"}, ledger 1199, oldest 0, chain 1, retry `},
		{"aptos-lag", "versions: 100", "/v1/", `{"chain_id":1,"ledger_version":"1099","oldest_ledger_version":"0"}, ledger 1099, oldest 0, chain 1, retry `, `{"chain_id":1,"ledger_version":"1199","oldest_ledger_version":"0"}, ledger 1199, oldest 0, chain 1, retry `},
		{"aptos-no-handle", "", events, `HTTP 404 {"error_code":"resource_not_found","message":"Resource not found by Address, ledger 1199, oldest 0, chain 1, retry `, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"aptos-chain-id", "", "/v1", `{"chain_id":2,"ledger_version":"1199","oldest_ledger_version":"0"}, ledger 1199, oldest 0, chain 2, retry `, `{"chain_id":1,"ledger_version":"1199","oldest_ledger_version":"0"}, ledger 1199, oldest 0, chain 1, retry `},
		{"aptos-no-headers", "", events, "25 from 1175, ledger , oldest , chain , retry ", "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"compute-units", "units: 99, window: 20s", events, `HTTP 429 {"error_code":"web_framework_error","message":"Per anonymous IP rate limit , ledger , oldest , chain , retry 20`, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"compute-units", `units: 99, retryAfter: "no"`, events, `HTTP 429 {"error_code":"web_framework_error","message":"Per anonymous IP rate limit , ledger , oldest , chain , retry `, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"rate", "burst: 0, refill: 1", events, `HTTP 429 {"error_code":"web_framework_error","message":"Per anonymous IP rate limit , ledger , oldest , chain , retry 1`, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"status", "status: 503, retryAfter: 2s, methods: [events]", events, `HTTP 503 {"error_code":"web_framework_error","message":"Service Unavailable","vm_err, ledger , oldest , chain , retry 2`, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"other-chain", "id: 2", events, "25 from 1175, ledger 1199, oldest 0, chain 2, retry ", "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
		{"echo", "", events, `HTTP 403 {"error_code":"web_framework_error","message":"invalid key for \"/v1/accoun, ledger , oldest , chain , retry `, "25 from 1175, ledger 1199, oldest 0, chain 1, retry "},
	} {
		t.Run(test.kind+" "+test.params, func(t *testing.T) {
			on := proxyOf(t, fmt.Sprintf("  - {fault: %q, %s}", test.kind, test.params), 1, node, Options{})
			if got := ask(test.path)(on); got != test.want {
				t.Errorf("with the fault:\n got %s\nwant %s", got, test.want)
			}
			off := proxyOf(t, fmt.Sprintf("  - {fault: %q, chance: 0, %s}", test.kind, test.params), 1, node, Options{})
			for what, h := range map[string]http.Handler{"without it": off, "the node": node} {
				if got := ask(test.path)(h); got != test.plain {
					t.Errorf("%s:\n got %s\nwant %s", what, got, test.plain)
				}
			}
			if c := on.Counters(); c.Faults[0].Done != 1 {
				t.Errorf("counted: %+v", c)
			}
		})
	}
}

// made returns a node with 1,200 transactions; event n of the handle has version 1000 +
// n.
func made() http.Handler {
	const head, events = 1199, 200
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(r *http.Request) string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(headerLedger, fmt.Sprint(head))
			w.Header().Set(headerOldest, "0")
			w.Header().Set(headerChain, "1")
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, answer(r))
		})
	}
	page := func(r *http.Request, count, base int64) string {
		c := newRESTExchange(r, nil).calls[0]
		limit, ok := c.rest.number("limit")
		if !ok {
			limit = 25
		}
		start, ok := c.rest.number("start")
		if !ok {
			start = count - limit
		}
		out := []string{}
		for n := start; n < min(start+limit, count); n++ {
			out = append(out, fmt.Sprintf(`{"version":"%d","sequence_number":"%d"}`, base+n, n))
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	ledger := func(*http.Request) string {
		return fmt.Sprintf(`{"chain_id":1,"ledger_version":"%d","oldest_ledger_version":"0"}`, head)
	}
	handle("GET /v1", ledger)
	handle("GET /v1/{$}", ledger)
	handle("GET /v1/accounts/{a}/events/{h}/{f}", func(r *http.Request) string { return page(r, events, 1000) })
	handle("GET /v1/transactions", func(r *http.Request) string { return page(r, head+1, 0) })
	handle("GET /v1/transactions/by_version/{v}", func(r *http.Request) string { return fmt.Sprintf(`{"version":"%s"}`, r.PathValue("v")) })
	return mux
}
