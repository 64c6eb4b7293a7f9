package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

// troubled writes an audit with differences, and a failing webhook with a delivery that was
// given up. Every text ends with the suffix.
func troubled(t *testing.T, store persistence.Store, chain, suffix string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	audit := persistence.Audit{Chain: chain, Node: "node" + suffix, StartedAt: &now, Percent: 40, LastError: "no state" + suffix, UpdatedAt: now, Last: &persistence.AuditResult{
		StartedAt: now.Add(-4 * time.Hour), EndedAt: now.Add(-3 * time.Hour), AuditCounts: persistence.AuditCounts{Events: 3, Agree: 1, Missing: 2},
	}}
	if err := store.PutAudit(t.Context(), audit); err != nil {
		t.Fatal(err)
	}
	hooks := store.(persistence.HookStore)
	hook, ok, err := hooks.ClaimHook(t.Context(), persistence.HookClaim{Name: "hook" + suffix, Node: "node" + suffix, Start: "1", Lease: time.Hour})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	fail := func() {
		t.Helper()
		if _, err := hooks.FailHook(t.Context(), hook.Ref(), "refused"+suffix); err != nil {
			t.Fatal(err)
		}
	}
	fail()
	fail()
	err = hooks.MoveHook(t.Context(), persistence.HookMove{
		Hook: hook.Ref(), From: "1", To: "2", Events: 7, Dead: &persistence.DeadHook{ID: "delivery" + suffix, Position: "2", Events: 7, Body: "{}", Reason: "refused" + suffix},
	})
	if err != nil {
		t.Fatal(err)
	}
	fail()
}

// The page shows webhooks and audits with both stores.
func TestWebhooksAndAudits(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	for name, open := range map[string]func(*testing.T) (persistence.Store, error){
		"embedded": func(t *testing.T) (persistence.Store, error) { return embedded.Open(t.Context(), t.TempDir()) },
		"mongo":    func(t *testing.T) (persistence.Store, error) { return mongo.Open(t.Context(), mongotest.Database(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			store, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			w := &written{Store: store, t: t, market: persistence.MarketRef{Chain: "ethereum", Market: "seaport"}}
			w.begin()
			troubled(t, store, "ethereum", " of sales")
			at := serve(t, store, "")
			shows(t, at+"/", "1 of 3 events agree</span>, <span title", "3 h ago</span>; one is under way, 40 %", "3 problems", "differences found: 2 events; see event-worker verify ethereum",
				"no state of sales", "webhook hook of sales", "refused of sales")
			shows(t, at+"/page/webhooks", "hook of sales", "failing", "1 attempt of the next delivery failed", "node of sales", "delivery of sales", "event-worker hooks retry",
				`data-label="Given up">1<`, `data-label="Attempts">2<`, `data-label="Events">7<`)
		})
	}
}

// shows waits until a page shows the first text, and fails unless it shows all texts.
func shows(t *testing.T, at string, texts ...string) {
	t.Helper()
	body := ""
	for end := time.Now().Add(patience); time.Now().Before(end) && !strings.Contains(body, texts[0]); time.Sleep(20 * time.Millisecond) {
		_, body, _ = ask(t, http.MethodGet, at, "", nil)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%s does not show %q:\n%s", at, text, body)
		}
	}
}
