package config

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
)

// chainWith is a configuration of one chain with more options.
func chainWith(kind, options string) string {
	market := "seaport: {start: 1}"
	if kind == "aptos" {
		market = "tradeport: {}"
	}
	return "chains:\n  home:\n    kind: " + kind + "\n    chainId: 1\n    markets: {" + market + "}\n" + options
}

func endpoint(url string, header ...string) chains.Endpoint {
	e := chains.Endpoint{URL: url, Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		e.Header.Set(header[i], header[i+1])
	}
	return e
}

func TestEndpoints(t *testing.T) {
	const variable = "EVENT_WORKER_CHAINS_HOME_"
	full := endpoint("wss://b.example.com/k3y", "Authorization", "own k3y", "X-All", "1")
	full.Priority, full.Rate = 2, 12.5
	for name, test := range map[string]struct {
		kind, options string
		environ       []string
		want          []chains.Endpoint
	}{
		"one":           {"evm", "    endpoint: https://a/${KEY}\n", nil, []chains.Endpoint{endpoint("https://a/k3y")}},
		"WebSocket":     {"evm", "    endpoint: ws://a\n", nil, []chains.Endpoint{endpoint("ws://a")}},
		"list":          {"evm", "    endpoints: [https://a, \"http://b/${KEY}\"]\n", nil, []chains.Endpoint{endpoint("https://a"), endpoint("http://b/k3y")}},
		"text":          {"aptos", "    endpoints: https://a, http://b/${KEY}\n", nil, []chains.Endpoint{endpoint("https://a"), endpoint("http://b/k3y")}},
		"variable":      {"aptos", "    endpoints: ${SEVERAL}\n", nil, []chains.Endpoint{endpoint("https://c"), endpoint("https://d")}},
		"common header": {"evm", "    headers: {x-all: \"${KEY}\"}\n    endpoints: [https://a, {url: https://b}]\n", nil, []chains.Endpoint{endpoint("https://a", "X-All", "k3y"), endpoint("https://b", "X-All", "k3y")}},
		"options": {"evm", "    headers: {x-all: 1, authorization: all}\n    endpoints:\n      - https://a\n      - url: wss://b.example.com/${KEY}\n        headers: {Authorization: \"own ${KEY}\"}\n        priority: 2\n        rate: 12.5\n", nil,
			[]chains.Endpoint{endpoint("https://a", "Authorization", "all", "X-All", "1"), full}},
		"environment's list":             {"evm", "    endpoints: [https://a]\n", []string{variable + "ENDPOINTS=https://c/${KEY}, wss://d"}, []chains.Endpoint{endpoint("https://c/k3y"), endpoint("wss://d")}},
		"environment's list for one":     {"evm", "    endpoint: https://a\n", []string{variable + "ENDPOINTS=https://c"}, []chains.Endpoint{endpoint("https://c")}},
		"environment's one for a list":   {"evm", "    endpoints: [https://a, https://b]\n", []string{variable + "ENDPOINT=https://c"}, []chains.Endpoint{endpoint("https://c")}},
		"environment's option in a list": {"evm", "    endpoints: [{url: https://a, rate: 1}]\n", []string{variable + "ENDPOINTS_1_RATE=3"}, []chains.Endpoint{{URL: "https://a", Header: http.Header{}, Rate: 3}}},
		"in the environment alone":       {"evm", "", []string{variable + "ENDPOINTS=https://c"}, []chains.Endpoint{endpoint("https://c")}},
	} {
		t.Run(name, func(t *testing.T) {
			expectEndpoints(t, t.TempDir(), chainWith(test.kind, test.options), test.want, append(test.environ, "KEY=k3y", "SEVERAL=https://c,https://d")...)
		})
	}
}

// expectEndpoints expects the endpoints of a configuration's only chain, and that every
// variable is used.
func expectEndpoints(t *testing.T, dir, text string, want []chains.Endpoint, environ ...string) {
	t.Helper()
	cfg, err := load(t, dir, text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Chains[0].Endpoints; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(cfg.Unused) > 0 {
		t.Errorf("unused: %v", cfg.Unused)
	}
}

func TestHost(t *testing.T) {
	cfg, err := load(t, t.TempDir(), chainWith("evm", "    endpoints: [\"https://user:s3cret@a.example.com:8545/s3cret?key=s3cret\", wss://b.example.com/s3cret]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Chains[0].Host(), "https://a.example.com:8545, wss://b.example.com"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStream(t *testing.T) {
	cfg, err := load(t, t.TempDir(), chainWith("aptos", "    endpoint: https://a\n    stream: https://grpc.example.com:443/${KEY}\n    headers: {Authorization: \"Bearer ${KEY}\"}\n"), "KEY=k3y")
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Chains[0]; c.Stream != "https://grpc.example.com:443/k3y" || c.Header.Get("Authorization") != "Bearer k3y" || c.Endpoints[0].Header.Get("Authorization") != "Bearer k3y" {
		t.Errorf("%+v", c)
	}
}

// TestEndpointProblems expects one problem each, in its line, without secrets.
func TestEndpointProblems(t *testing.T) {
	for name, test := range map[string]struct {
		kind, options string
		environ       string
		want          string
	}{
		"none":                      {"evm", "", "", `c.yaml:2:3: chains.home: endpoint is missing: set it to the URL of a node, such as https://host/path, endpoints to several, or endpointFile to a file with them`},
		"both":                      {"evm", "    endpoint: https://a/s3cret\n    endpoints: [https://b/s3cret]\n", "", `c.yaml:7:5: chains.home.endpoints: endpoint is also set: list all of them in endpoints`},
		"empty list":                {"evm", "    endpoints: []\n", "", `c.yaml:6:5: chains.home.endpoints: the list is empty: give at least one URL`},
		"a mapping":                 {"evm", "    endpoints: {url: https://a/s3cret}\n", "", `c.yaml:6:5: chains.home.endpoints: expected a list of URLs, or of mappings with url, headers, priority and rate`},
		"another scheme":            {"evm", "    endpoints:\n      - https://a\n      - ftp://b/s3cret\n", "", `c.yaml:8:9: chains.home.endpoints.2: is not a URL that begins with http://, https://, ws:// or wss:// and a host`},
		"WebSocket on aptos":        {"aptos", "    endpoints: [wss://a/s3cret]\n", "", `c.yaml:6:17: chains.home.endpoints.1: is not a URL that begins with http:// or https:// and a host`},
		"port without a host":       {"evm", "    endpoint: http://:8545/s3cret\n", "", `c.yaml:6:15: chains.home.endpoint: is not a URL that begins with`},
		"twice":                     {"evm", "    endpoints:\n      - https://a/s3cret\n      - https://b\n      - url: https://a/s3cret\n", "", `c.yaml:9:9: chains.home.endpoints.3: is the same as number 1, in line 7`},
		"empty word":                {"evm", "    endpoints: https://a/s3cret,\n", "", `c.yaml:6:16: chains.home.endpoints.2: is not a URL`},
		"entry without URL":         {"evm", "    endpoints:\n      - rate: 3\n", "", `c.yaml:7:9: chains.home.endpoints.1: url is missing: set it to the URL of a node, such as https://host/path, or urlFile to a file with it`},
		"unknown option":            {"evm", "    endpoints:\n      - url: https://a\n        rates: 3\n", "", `c.yaml:8:9: chains.home.endpoints.1.rates: unknown option (did you mean rate?): known here are headers, priority, rate, url, urlFile`},
		"rate of nothing":           {"evm", "    endpoints: [{url: https://a, rate: 0}]\n", "", `c.yaml:6:40: chains.home.endpoints.1.rate: "0" is not a valid number of requests a second, above 0 and 100000 at most`},
		"rate that is not a number": {"evm", "    endpoints: [{url: https://a, rate: NaN}]\n", "", `c.yaml:6:40: chains.home.endpoints.1.rate: "NaN" is not a valid number of requests a second`},
		"negative priority":         {"evm", "    endpoints: [{url: https://a, priority: -1}]\n", "", `c.yaml:6:44: chains.home.endpoints.1.priority: "-1" is not an integer from 0 to 1000`},
		"header":                    {"evm", "    endpoints: [{url: https://a, headers: {a b: s3cret}}]\n", "", `c.yaml:6:49: chains.home.endpoints.1.headers.a b: is not an HTTP header`},
		"variable in an entry":      {"evm", "    endpoints: [{url: \"https://a/${NOPE}\"}]\n", "", `c.yaml:6:23: chains.home.endpoints.1.url: the environment variable NOPE is not set`},
		"variable in the list":      {"evm", "    endpoints: [https://a, \"https://a/${NOPE}\"]\n", "", `c.yaml:6:28: chains.home.endpoints.2: the environment variable NOPE is not set`},
		"variable of a list":        {"evm", "    endpoints: ${NOPE}\n", "", `c.yaml:6:16: chains.home.endpoints: the environment variable NOPE is not set`},
		"an environment's":          {"evm", "    endpoint: https://a\n", "EVENT_WORKER_CHAINS_HOME_ENDPOINTS=https://b,s3cret", `environment variable EVENT_WORKER_CHAINS_HOME_ENDPOINTS: chains.home.endpoints.2: is not a URL`},
		"stream on evm":             {"evm", "    endpoint: https://a\n    stream: https://b/s3cret\n", "", `c.yaml:7:13: chains.home.stream: is for chains of kind aptos only: take it out`},
		"stream that is no URL":     {"aptos", "    endpoint: https://a\n    stream: s3cret:443\n", "", `c.yaml:7:13: chains.home.stream: is not a URL that begins with https:// or grpc:// and a host`},
		"stream over HTTP":          {"aptos", "    endpoint: https://a\n    stream: http://b\n", "", `c.yaml:7:13: chains.home.stream: is not a URL that begins with https:// or grpc:// and a host`},
		"too many in flight":        {"aptos", "    endpoint: https://a\n    inFlight: 65\n", "", `c.yaml:7:15: chains.home.inFlight: "65" is not an integer from 1 to 64`},
		"batches of nothing":        {"evm", "    endpoint: https://a\n    maxBatch: 0\n", "", `c.yaml:7:15: chains.home.maxBatch: "0" is not an integer from 1 to 1000`},
		"batches on aptos":          {"aptos", "    endpoint: https://a\n    maxBatch: 2\n", "", `c.yaml:7:15: chains.home.maxBatch: is for chains of kind evm only: take it out`},
		"breaks":                    {"evm", "    endpoint: https://a\n    finalityViolations: ignore\n", "", `c.yaml:7:25: chains.home.finalityViolations: unknown value "ignore": choose confirm or wait`},
		"breaks on aptos":           {"aptos", "    endpoint: https://a\n    finalityViolations: wait\n", "", `c.yaml:7:25: chains.home.finalityViolations: is for chains of kind evm only: take it out`},
		"time without unit":         {"evm", "    endpoint: https://a\n    confirmViolations: 3\n", "", `c.yaml:7:24: chains.home.confirmViolations: "3" is not a duration`},
		"time that is not used":     {"evm", "    endpoint: https://a\n    finalityViolations: wait\n    confirmViolations: 3m\n", "", `c.yaml:8:24: chains.home.confirmViolations: changes nothing where finalityViolations is wait: take one of them out`},
	} {
		t.Run(name, func(t *testing.T) { onlyProblem(t, chainWith(test.kind, test.options), test.want, test.environ) })
	}
}

// onlyProblem expects one problem of a configuration, without a secret in it.
func onlyProblem(t *testing.T, text, want string, environ ...string) {
	t.Helper()
	onlyProblemIn(t, t.TempDir(), text, want, environ...)
}

// onlyProblemIn is onlyProblem for a configuration in a folder with other files.
func onlyProblemIn(t *testing.T, dir, text, want string, environ ...string) {
	t.Helper()
	_, err := load(t, dir, text, environ...)
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("error %v, want Problems", err)
	}
	if got := problems.Lines(); len(problems) != 1 || !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant only\n%s", got, want)
	}
	if strings.Contains(problems.Lines(), "s3cret") {
		t.Errorf("a secret is shown: %s", problems.Lines())
	}
}
