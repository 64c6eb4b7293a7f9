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

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// Up to ownsShown chains of a node are named; more are counted.
func TestChainsOfANode(t *testing.T) {
	for _, test := range []struct {
		chains int
		shows  string
	}{{0, "no chain"}, {2, "<td>chain-0, chain-1</td>"}, {ownsShown, "chain-11</td>"}, {1234, "<td>1,234 chains</td>"}} {
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

// An audit that found differences is a problem, whether events or documents differ.
func TestDifferencesOfAudits(t *testing.T) {
	counts := func(agree int64) persistence.AuditCounts {
		return persistence.AuditCounts{Events: 3, Agree: agree, Missing: 3 - agree}
	}
	documents := func(missing int64) []persistence.AuditDocuments {
		return []persistence.AuditDocuments{{Compared: 5, Missing: missing}}
	}
	for _, test := range []struct {
		last *persistence.AuditResult
		want string
	}{
		{nil, ""},
		{&persistence.AuditResult{AuditCounts: counts(3), Documents: documents(0)}, ""},
		{&persistence.AuditResult{AuditCounts: counts(1)}, "differences found: 2 events; see event-worker verify a"},
		{&persistence.AuditResult{AuditCounts: counts(3), Documents: documents(1)}, "differences found: 1 document; see event-worker verify a"},
		{&persistence.AuditResult{AuditCounts: counts(2), Documents: documents(4)}, "differences found: 1 event, 4 documents; see event-worker verify a"},
	} {
		s := chainAt(epoch, "a", 3)
		s.audits = []persistence.Audit{{Chain: "a", Last: test.last}}
		got := ""
		for _, found := range troubles(s) {
			got += found.Reason
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.last, got, test.want)
		}
		card := newCard(s, s.tree[0])
		var out bytes.Buffer
		v := view{Body: overview{Ready: true, At: epoch, All: 1, Chains: []chainCard{card}}, Now: epoch}
		if err := templates.ExecuteTemplate(&out, "overview", v); err != nil {
			t.Fatal(err)
		}
		if marked := strings.Contains(out.String(), `Audit: <span class="bad">`); marked != (test.want != "") {
			t.Errorf("%+v: the audit is marked: %t", test.last, marked)
		}
	}
}

// A stream of Aptos that has not been read yet has no height: its place is an event's number.
func TestHeightsOfTheTree(t *testing.T) {
	for _, test := range []struct {
		place markets.Place
		want  int64
	}{
		{markets.Place{Seq: 41_273}, -1},
		{markets.Place{Seq: 41_273, Through: 2_386_891_061}, 2_386_891_061},
	} {
		s := chainAt(epoch, "a", 3)
		s.actors[0].Place = test.place
		s.tree = progress.Of(s.actors)
		for _, b := range treeOf(s, s.tree[0]) {
			if b.Kind != "market" {
				continue
			}
			if stream := b.Children[0]; stream.Height != test.want || stream.Children[0].Height != test.want {
				t.Errorf("%+v: the stream is at %d, its observer at %d, want %d", test.place, stream.Height, stream.Children[0].Height, test.want)
			}
		}
	}
}
