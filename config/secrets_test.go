package config

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
)

// secrets writes a folder of files as Docker and Kubernetes mount them.
func secrets(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"one": "https://a/k3y\n", "several": "https://a/k3y\r\n\nwss://b/k3y, https://c\n", "key": "k3y\n", "empty": "\n",
		"bad": "s3cret\n", "huge": strings.Repeat("s3cret", 20_000), "control": "https://a/s3cret\x1b[2J\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEndpointsInFiles(t *testing.T) {
	const variable = "EVENT_WORKER_CHAINS_HOME_"
	dir := secrets(t)
	several := []chains.Endpoint{endpoint("https://a/k3y"), endpoint("wss://b/k3y"), endpoint("https://c")}
	limited := endpoint("https://a/k3y")
	limited.Rate = 2
	for name, test := range map[string]struct {
		options, environ string
		want             []chains.Endpoint
	}{
		"one":                            {"    endpointFile: one\n", "", []chains.Endpoint{endpoint("https://a/k3y")}},
		"elsewhere":                      {"    endpointFile: " + dir + "/one\n", "", []chains.Endpoint{endpoint("https://a/k3y")}},
		"several":                        {"    endpointFile: several\n", "", several},
		"with headers":                   {"    endpointFile: one\n    headers: {Authorization: \"Bearer ${TOKEN}\"}\n", "TOKEN_FILE=" + dir + "/key", []chains.Endpoint{endpoint("https://a/k3y", "Authorization", "Bearer k3y")}},
		"in a list":                      {"    endpoints: [{urlFile: one, rate: 2}, wss://b]\n", "", []chains.Endpoint{limited, endpoint("wss://b")}},
		"in a part":                      {"    endpoint: https://a/${KEY}\n", "KEY_FILE=" + dir + "/key", []chains.Endpoint{endpoint("https://a/k3y")}},
		"in a variable's file":           {"    endpoints: ${URLS}\n", "URLS_FILE=" + dir + "/several", several},
		"the environment's":              {"    endpoints: [https://d, https://e]\n", variable + "ENDPOINT_FILE=one", []chains.Endpoint{endpoint("https://a/k3y")}},
		"the environment's alone":        {"", variable + "ENDPOINT_FILE=several", several},
		"the environment's in a list":    {"    endpoints: [{url: https://d, rate: 2}]\n", variable + "ENDPOINTS_1_URL_FILE=one", []chains.Endpoint{limited}},
		"the environment's, not of file": {"    endpointFile: missing\n", variable + "ENDPOINT=https://d", []chains.Endpoint{endpoint("https://d")}},
	} {
		t.Run(name, func(t *testing.T) {
			expectEndpoints(t, dir, chainWith("evm", test.options), test.want, test.environ)
		})
	}
}

func TestStreamInFile(t *testing.T) {
	cfg, err := load(t, secrets(t), chainWith("aptos", "    endpoint: https://a\n    streamFile: one\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Chains[0]; c.Stream != "https://a/k3y" || !reflect.DeepEqual(c.Header, http.Header{}) {
		t.Errorf("%+v", c)
	}
}

// Each problem is reported in its place, without the text of the file.
func TestSecretProblems(t *testing.T) {
	dir := secrets(t)
	const file = "c.yaml:6:19: chains.home.endpointFile"
	for name, test := range map[string]struct{ kind, options, environ, want string }{
		"missing":         {"evm", "    endpointFile: missing\n", "", file + ": open " + dir + "/missing: no such file or directory"},
		"a folder":        {"evm", "    endpointFile: .\n", "", file + ": read " + dir + ": is a directory"},
		"empty":           {"evm", "    endpointFile: empty\n", "", file + ": " + dir + "/empty is empty"},
		"huge":            {"evm", "    endpointFile: huge\n", "", file + ": " + dir + "/huge is larger than 64 KiB"},
		"not a URL":       {"evm", "    endpointFile: bad\n", "", file + ".1: is not a URL that begins with http://"},
		"not a line":      {"evm", "    endpointFile: control\n", "", file + ".1: is not a URL that begins with http://"},
		"a URL itself":    {"evm", "    endpointFile: https://a/s3cret\n", "", file + ": is a URL: write the name of a file that contains it"},
		"WebSocket":       {"aptos", "    endpointFile: several\n", "", file + ".2: is not a URL that begins with http:// or https:// and a host"},
		"beside endpoint": {"evm", "    endpoint: https://a/s3cret\n    endpointFile: one\n", "", "c.yaml:7:19: chains.home.endpointFile: endpoint is also set: keep one of them"},
		"beside a list":   {"evm", "    endpoints: [https://a/s3cret]\n    endpointFile: one\n", "", "c.yaml:7:19: chains.home.endpointFile: endpoints is also set: keep one of them"},
		"beside url":      {"evm", "    endpoints: [{url: https://a/s3cret, urlFile: one}]\n", "", "c.yaml:6:50: chains.home.endpoints.1.urlFile: url is also set: keep one of them"},
		"beside stream":   {"aptos", "    endpoint: https://a\n    stream: https://a/s3cret\n    streamFile: one\n", "", "c.yaml:8:17: chains.home.streamFile: stream is also set: keep one of them"},
		"of a variable":   {"evm", "    endpoint: https://a/${KEY}\n", "KEY_FILE=/nowhere/key", "c.yaml:6:15: chains.home.endpoint: KEY_FILE: open /nowhere/key: no such file or directory"},
		"stream on evm":   {"evm", "    endpoint: https://a\n    streamFile: one\n", "", "c.yaml:7:17: chains.home.streamFile: is for chains of kind aptos only: take it out"},
		"environment's":   {"evm", "    endpoint: https://a\n", "EVENT_WORKER_CHAINS_HOME_ENDPOINT_FILE=missing", "environment variable EVENT_WORKER_CHAINS_HOME_ENDPOINT_FILE: chains.home.endpointFile: open " + dir + "/missing"},
	} {
		t.Run(name, func(t *testing.T) { onlyProblemIn(t, dir, chainWith(test.kind, test.options), test.want, test.environ) })
	}
	t.Run("variable and file", func(t *testing.T) {
		onlyProblemIn(t, dir, chainWith("evm", "    endpoint: https://a/${KEY}\n"), "c.yaml:6:15: chains.home.endpoint: KEY and KEY_FILE are both set: unset one of them", "KEY=s3cret", "KEY_FILE="+dir+"/key")
	})
}

// A chain is not left out if a file has the value of its endpoint's variable.
func TestOptionalWithFile(t *testing.T) {
	dir := secrets(t)
	cfg, err := load(t, dir, chainWith("evm", "    optional: true\n    endpoint: https://a/${KEY}\n"), "KEY_FILE="+dir+"/key")
	if err != nil || len(cfg.Chains) != 1 || cfg.Chains[0].Endpoints[0].URL != "https://a/k3y" {
		t.Errorf("%+v, %v", cfg.Chains, err)
	}
}
