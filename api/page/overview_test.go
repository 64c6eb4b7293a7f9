package page

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// A node's chains are named as long as they are few.
func TestChainsOfANode(t *testing.T) {
	for _, test := range []struct {
		chains int
		shows  string
	}{{0, "nothing"}, {2, "<td>chain-0, chain-1</td>"}, {ownsShown, "chain-11</td>"}, {1234, "<td>1,234 chains</td>"}} {
		p := &Page{watch: newWatch(nil, slog.New(slog.DiscardHandler))}
		s := snapshot{at: time.Now(), nodes: []persistence.Node{{ID: "node"}}, actors: []persistence.Actor{{ID: "chain-0", Chain: "chain-0", Kind: "chain"}}}
		for i := range test.chains {
			s.leases = append(s.leases, persistence.Lease{Chain: fmt.Sprint("chain-", i), Node: "node"})
		}
		s.tree = progress.Of(s.actors)
		p.watch.last = s
		v, err := p.overview(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := templates.ExecuteTemplate(&out, "overview", v); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.shows) {
			t.Errorf("%d chains: the overview does not show %q:\n%s", test.chains, test.shows, out.String())
		}
	}
}
