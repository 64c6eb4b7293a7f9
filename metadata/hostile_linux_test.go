//go:build !race

package metadata

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/hostile"
)

// Whatever servers answer, as many at once as a worker asks: nothing but a small object is
// kept, and little memory is taken, with that of the servers. The race detector takes several
// times as much.
func TestHostileServers(t *testing.T) {
	const maxPeak = 256 << 20
	t.Run("answers", func(t *testing.T) {
		places := make(chan struct{}, atOnce)
		for _, answer := range hostile.Answers() {
			if answer.Write == nil {
				continue
			}
			t.Run(answer.Name, func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				server := httptest.NewServer(&hostile.Node{Honest: http.NotFoundHandler(), Methods: []string{"/uri"}, Answer: answer})
				defer server.Close()
				defer server.CloseClientConnections()
				f := newFetcher("", nil)
				f.client.Timeout = 2 * time.Second
				if got, err := f.fetch(t.Context(), server.URL+"/uri"); err == nil || got.json != "" {
					t.Errorf("%d bytes are kept, %v", len(got.json), err)
				}
			})
		}
	})
	if peak := hostile.Peak(t, os.Getpid()); peak > maxPeak {
		t.Errorf("%d MiB", peak>>20)
	} else {
		t.Logf("at most %d MiB", peak>>20)
	}
}
