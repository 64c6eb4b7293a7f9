package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// loadAPI reads the option api of a file, with variables.
func loadAPI(t *testing.T, text string, environ ...string) (API, string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "event-worker.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := APIOf(file, environ)
	return a, dir, err
}

func TestAPI(t *testing.T) {
	a, dir, err := loadAPI(t, `
chains: {broken: {kind: nothing}} # no business of the API
api:
  listen: 0.0.0.0:80
  token: ${SECRET}-1
  origins: ["https://market.example", "http://localhost:3000"]
  rate: 5
  tls: {certificate: server.pem, key: /etc/server.key, clientCA: ca/clients.pem}
`, "SECRET=s3cret")
	if err != nil {
		t.Fatal(err)
	}
	if a.Listen != "0.0.0.0:80" || a.Token != "s3cret-1" || strings.Join(a.Origins, " ") != "https://market.example http://localhost:3000" || a.Rate != 5 ||
		a.TLS.Certificate != filepath.Join(dir, "server.pem") || a.TLS.Key != "/etc/server.key" || a.TLS.ClientCA != filepath.Join(dir, "ca/clients.pem") {
		t.Errorf("%+v", a)
	}
	a, dir, err = loadAPI(t, "api: {tokenFile: token}")
	if err != nil || a.TokenFile != filepath.Join(dir, "token") || a.Rate != defaultRate {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := loadAPI(t, "api: false"); err != nil || !a.Off {
		t.Errorf("%+v, %v", a, err)
	}
	for environment, want := range map[string]API{
		"EVENT_WORKER_API=false": {Off: true, Rate: defaultRate}, "EVENT_WORKER_API=true": {Rate: defaultRate},
		"EVENT_WORKER_API=true EVENT_WORKER_API_RATE=5":              {Rate: 5},
		"EVENT_WORKER_API=false EVENT_WORKER_API_LISTEN=127.0.0.1:1": {Off: true, Rate: defaultRate},
	} {
		if a, err := APIOf("", strings.Fields(environment)); err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v, %v, want %+v", environment, a, err, want)
		}
	}
	if a, err := APIOf("", []string{"EVENT_WORKER_API=off"}); err == nil || !strings.Contains(err.Error(), "EVENT_WORKER_API") {
		t.Errorf("an API that is neither on nor off: %+v, %v", a, err)
	}
	if a, err := APIOf("", []string{"EVENT_WORKER_API_LISTEN=127.0.0.1:1", "EVENT_WORKER_API_TOKEN=t"}); err != nil || a.Listen != "127.0.0.1:1" || a.Token != "t" || a.Off {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAPIProblems(t *testing.T) {
	for text, want := range map[string]string{
		"api: {token: abc, tokenFile: token}":                   "set either token or tokenFile, not both",
		"api: {token: two words}":                               "api.token: is not a token",
		`api: {token: ""}`:                                      "api.token: is empty",
		"api: {token: \"${NONE}\"}":                             "the environment variable NONE is not set",
		`api: {origins: ["market.example"]}`:                    "api.origins.1: is not an origin",
		`api: {origins: ["https://a.example", "https://b/c"]}`:  "api.origins.2: is not an origin",
		`api: {origins: ["https://u:p@market.example"]}`:        "is not an origin",
		`api: {origins: ["*"]}`:                                 "is not an origin",
		"api: {tls: {certificate: a.pem}}":                      "key",
		"api: {tls: {key: a.pem}}":                              "certificate",
		"api: {rate: 0}":                                        "above 0",
		"api: {rate: many}":                                     "above 0",
		"api: {listen: nowhere}":                                "is not an address",
		"api: {tokn: abc}":                                      "did you mean token",
		"api: {tls: {certificate: a, key: b, authorities: ca}}": "authorities",
	} {
		_, _, err := loadAPI(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "two words") {
			t.Errorf("%s:\n%v\nwant %q", text, err, want)
		}
	}
}
