package commands

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// hooked writes a configuration with a webhook, and data with dead hooks of it and of others.
func hooked(t *testing.T, dir, url string) {
	t.Helper()
	text := fmt.Sprintf("data: %s/data\nhooks:\n  sales:\n    url: %s/a-key\n    secret: sixteen bytes or more\n", dir, url)
	if err := os.WriteFile(filepath.Join(dir, "event-worker.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := embedded.Open(t.Context(), dir+"/data")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, name := range []string{"former", "sales"} {
		hook, _, err := store.ClaimHook(t.Context(), persistence.HookClaim{Name: name, Node: "n", Start: "0", Lease: time.Minute})
		for i := range 2 {
			if err == nil {
				hook, err = store.FailHook(t.Context(), hook.Ref(), "the receiver answers 503")
			}
			if err == nil {
				err = store.MoveHook(t.Context(), persistence.HookMove{Hook: hook.Ref(), From: fmt.Sprint(i), To: fmt.Sprint(i + 1), Events: 7, Dead: &persistence.DeadHook{
					ID: fmt.Sprint(name, i), Position: fmt.Sprint(i + 1), Events: 7, Body: fmt.Sprintf(`{"i":%d}`, i), Reason: "the receiver answers 503",
				}})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestHooksCommands(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	got := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		got <- fmt.Sprint(r.Header.Get(hooks.DeliveryHeader), body["i"], body["hook"])
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	dir := t.TempDir()
	hooked(t, dir, server.URL)
	run := func(code int, args ...string) string {
		t.Helper()
		stdout, stderr, exit := result(t, dir, nil, append([]string{"hooks"}, args...)...)
		if exit != code || strings.Contains(stdout+stderr, "a-key") {
			t.Errorf("hooks %v: exit code %d, want %d:\n%s%s", args, exit, code, stdout, stderr)
		}
		return stdout + stderr
	}
	expect := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
	}
	expect(run(0, "list"), "former", "sales                         0          0          2  never")
	expect(run(1, "test", "sales"), "hooks test: "+server.URL+": the receiver answers 503")
	expect(run(1, "test", "sale"), `no webhook "sale": it has sales`)
	expect(run(1, "retry"), "former former0: the configuration has no webhook", "sales sales1: the receiver answers 503", "Delivered 0 of 4 dead hooks.")
	for len(got) > 0 {
		<-got
	}
	status.Store(http.StatusOK)
	expect(run(0, "test", "sales"), server.URL+" accepted delivery")
	if ping := <-got; !strings.HasSuffix(ping, "<nil>sales") {
		t.Errorf("the ping is %s", ping)
	}
	expect(run(1, "retry", "--id", "none"), "no dead hook has the id")
	expect(run(0, "retry", "--hook", "sales"), "Delivered 2 of 2 dead hooks.")
	if first, second := <-got, <-got; first != "sales00 <nil>" || second != "sales11 <nil>" {
		t.Errorf("sent are %s, %s", first, second)
	}
	expect(run(0, "retry", "--hook", "sales"), "There are no dead hooks to retry.")
	expect(run(0, "list"), "sales                         0          0          0  never", "former                        0          0          2  never")
}
