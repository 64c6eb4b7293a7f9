package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const key = "k3y-of-the-node"

// TestRemote forwards calls to the right URL, with the client's headers, and does not
// reveal the URL.
func TestRemote(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got = append(got, fmt.Sprintf("%s %s %s:%s %s %s", r.Method, r.URL.RequestURI(), user, password, r.Header.Get("X-Own"), body))
		w.Header().Set("Location", "http://elsewhere"+r.URL.RequestURI())
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"bad key in %s for %s"}}`, r.URL.RequestURI(), r.Header.Get("Authorization"))
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, test := range []struct{ base, method, path, want string }{
		{"/v2/" + key, "POST", "/", "POST /v2/" + key},
		{"/v2/" + key + "?auth=" + key, "POST", "", "POST /v2/" + key + "?auth=" + key},
		{"/v1", "GET", "/v1/accounts/0x1/events/0x1::m::E%3Cx%3E/f?start=5", "GET /v1/accounts/0x1/events/0x1::m::E%3Cx%3E/f?start=5"},
		{"/" + key + "/v1/", "GET", "/v1", "GET /" + key + "/v1"},
		{"/v1?apikey=" + key, "GET", "/transactions?limit=3", "GET /v1/transactions?apikey=" + key + "&limit=3"},
		{"", "GET", "/v1/", "GET /v1/"},
	} {
		got = nil
		node, err := Remote("http://user-name:pass-" + key + "@" + host + test.base)
		if err != nil {
			t.Fatal(err)
		}
		p := proxyOf(t, "", 1, node, Options{})
		r := httptest.NewRequest(test.method, "/"+strings.TrimPrefix(test.path, "/"), strings.NewReader(wireOf(1, chainID)))
		if test.method == http.MethodGet {
			r = httptest.NewRequest(test.method, test.path, nil)
		}
		r.Header.Set("X-Own", "mine")
		r.Header.Set("Content-Type", "application/json")
		answer := send(p, r)
		if len(got) != 1 || !strings.HasPrefix(got[0], test.want+" user-name:pass-"+key+" mine") {
			t.Errorf("%s %s at %s: the node was asked %q, want %s", test.method, test.path, test.base, got, test.want)
		}
		if text := fmt.Sprint(string(answer.body), answer.header); strings.Contains(text, key) || strings.Contains(text, "dXNlci1uYW1l") || !strings.Contains(text, "bad key") {
			t.Errorf("the answer: %s", text)
		}
	}
}

func TestUnreachableRemote(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	node, err := Remote("http://" + host + "/" + key)
	if err != nil {
		t.Fatal(err)
	}
	if got := rpc(proxyOf(t, "", 1, node, Options{}), chainID); got != "HTTP 502: "+host+" cannot be reached" {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "ftp://" + key, "http://", "http://%zz" + key, key} {
		if _, err := Remote(bad); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A node's invalid answers do not harm the proxy.
func TestNonsense(t *testing.T) {
	for body, want := range map[string]string{
		"":                         "HTTP 502: the node's answer is not JSON-RPC",
		"[1]":                      "HTTP 502: the node's answer is not JSON-RPC",
		`{"id":1}`:                 "null",
		`{"id":1,"result":7}`:      "7",
		`{"id":1,"result":[[]]}`:   "[[]]",
		`{"id":1,"result":"0x"}`:   `"0x"`,
		`{"id":1,"result":[null]}`: "[null]",
	} {
		node := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		var every strings.Builder
		for _, k := range Kinds() {
			fmt.Fprintf(&every, "  - {fault: %q, methods: [none]}\n", k.Name)
		}
		if got := rpc(proxyOf(t, every.String()+"  - {fault: error, chance: 0}\n", 1, node, Options{}), chainID); got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
		for _, k := range Kinds() {
			if slices.Contains([]string{"hang", "endless", "headers", "huge", "gzip-bomb", "latency", "bandwidth"}, k.Name) {
				continue
			}
			p := proxyOf(t, fmt.Sprintf("  - {fault: %q, methods: [eth_getLogs, eth_getBlockByNumber, eth_getBlockReceipts, eth_getTransactionReceipt, events, ledger, transaction]}", k.Name), 1, node, Options{})
			for _, c := range []string{
				wireOf(1, getLogs), wireOf(1, getLogs, 7), wireOf(1, getLogs, filter(1, 2)), wireOf(1, getBlockByNumber), wireOf(1, getBlockByNumber, "latest", false),
				wireOf(1, getBlockByNumber, 7), wireOf(1, getBlockReceipts, "0x1"), wireOf(1, getReceipt), `{"id":1,"method":"eth_getLogs","params":{}}`, "[" + wireOf(1, getLogs) + "]",
			} {
				sendJSON(p, c) // does not panic
			}
			get(p, eventsPath)
			get(p, "/v1")
			get(p, "/v1/transactions/by_version/x")
		}
	}
}

// TestEmptyData covers logs without data, which the made-up chains do not have.
func TestEmptyData(t *testing.T) {
	node := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":[{"topics":[],"data":"0x"},{"topics":[],"data":"0x01"}]}`)
	})
	for params, want := range map[string]string{"": `"0x0" "0x01"`, ", chance: 0": `"0x" "0x01"`} {
		logs := objects(t, rpc(proxyOf(t, "  - {fault: data-0x0"+params+"}", 1, node, Options{}), getLogs, filter(1, 1)))
		if got := fmt.Sprintf("%s %s", logs[0]["data"], logs[1]["data"]); got != want {
			t.Errorf("%s: %s, want %s", params, got, want)
		}
	}
}

func TestCounters(t *testing.T) {
	p := proxyOf(t, "  - {fault: chain-id, first: 1}\n  - hang", 7, ethereum(), Options{})
	p.rules = p.rules[:1]
	rpc(p, chainID)
	rpc(p, chainID)
	batch(p, wireOf(1, blockNumber), wireOf(2, "x"+strings.Repeat("y", 100)))
	r := get(p, CountersPath)
	var got Counters
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(map[string]int64{chainID: 2, blockNumber: 1, "other": 1}); fmt.Sprint(got.Calls) != want || got.Seed != 7 || got.Profile != "test.yaml" ||
		fmt.Sprint(got.Faults) != "[{chain-id 2 1}]" {
		t.Errorf("counters: %s", r.body)
	}
	if want := "4 calls (eth_blockNumber 1, eth_chainId 2, other 1): chain-id 1 of 2"; got.String() != want {
		t.Errorf("summary: %s, want %s", got, want)
	}
	for i := range 2 * maxTallied {
		rpc(p, fmt.Sprint("method", i))
	}
	if n := len(p.Counters().Calls); n > maxTallied+1 {
		t.Errorf("%d methods are counted", n)
	}
}
