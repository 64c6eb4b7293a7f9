package deploy

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/imart/event-worker/config"
)

const api = "event-worker-api"

// docker-compose.yml publishes only the API, on its default port and on loopback: without a
// token everyone who can reach it may read.
func TestPublishedPorts(t *testing.T) {
	composeFile, err := os.Open("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer composeFile.Close()
	var file struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Ports       []string
		}
	}
	// Keys that a merge brought in may be overridden.
	if err := yaml.NewDecoder(composeFile, yaml.AllowDuplicateMapKey()).Decode(&file); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(config.DefaultAPI, ":")
	for name, s := range file.Services {
		var want []string
		if name == api {
			want = []string{host + ":${API_PORT-" + port + "}:" + port}
		}
		if !slices.Equal(s.Ports, want) {
			t.Errorf("%s publishes %q, not %q", name, s.Ports, want)
		}
	}
	s := file.Services[api]
	if want := []string{"serve", "--listen", ":" + port}; !slices.Equal(s.Command, want) {
		t.Errorf("%s runs %q, not %q", api, s.Command, want)
	}
	if got := s.Environment["EVENT_WORKER_API_TOKEN"]; got != "${API_TOKEN:-}" {
		t.Errorf("the token is %q", got)
	}
	for _, token := range []string{"", "a-token-of-.env"} {
		cfg, err := config.APIOf("", []string{"EVENT_WORKER_API_TOKEN=" + token})
		if err != nil || cfg.Token != token {
			t.Errorf("with the token %q it is %q, %v", token, cfg.Token, err)
		}
	}
}
