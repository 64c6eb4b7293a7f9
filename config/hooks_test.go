package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

const hooked = good + `hooks:
  sales:
    url: https://market.example/hooks/${KEY}
    secret: ${SECRET}
    collections: [activities, orders]
    chains: [ethereum]
    markets: [seaport]
    events: [put, retracted]
    filter: {activities: '{kind: "bought"}'}
    giveUp: 2h
  more:
    url: http://10.0.0.7/x
    secretFile: secret
`

func TestHooks(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(t, dir, hooked, "KEY=k3y", "SECRET=sixteen bytes or more", "EVENT_WORKER_HOOKS_MORE_GIVE_UP=1h")
	if err != nil {
		t.Fatal(err)
	}
	sales, more := cfg.Hooks[0], cfg.Hooks[1]
	if sales.Name != "sales" || sales.URL != "https://market.example/hooks/k3y" || string(sales.Secret) != "sixteen bytes or more" || sales.Host() != "https://market.example" ||
		fmt.Sprint(sales.Collections, sales.Chains, sales.Markets, sales.Types) != "[activities orders] [ethereum] [seaport] [put retracted]" ||
		sales.GiveUp != 2*time.Hour || sales.Filters[persistence.Activities].Condition != persistence.Equals("kind", "bought") {
		t.Errorf("sales is %+v", sales)
	}
	if string(more.Secret) != "0123456789abcdef" || fmt.Sprint(more.Collections) != "[activities]" || more.GiveUp != time.Hour || len(more.Chains) > 0 {
		t.Errorf("more is %+v", more)
	}
	file := filepath.Join(dir, "c.yaml")
	alone, err := Hooks(file, []string{"KEY=k3y", "SECRET=sixteen bytes or more", "EVENT_WORKER_CHAINS_APTOS_ENDPOINT=nonsense"})
	if err != nil || len(alone) != 2 {
		t.Errorf("read alone they are %+v, %v", alone, err)
	}
}

func TestHookProblems(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ from, to, want string }{
		{"https://market.example", "ftp://market.example", "hooks.sales.url: is not a URL that begins with http:// or https://"},
		{"    url: http://10.0.0.7/x\n", "", "url is missing: the URL that events are posted to"},
		{"secret: ${SECRET}", "secret: s3cret-of-15-by", "hooks.sales.secret: the secret has fewer than 16 bytes"},
		{"secret: ${SECRET}", "secret: ${NONE}", "the environment variable NONE is not set"},
		{"    secret: ${SECRET}\n", "", "hooks.sales: secret is missing: it signs deliveries"},
		{"secretFile: secret", "secretFile: nowhere", "hooks.more.secretFile: open "},
		{"secretFile: secret", "secretFile: short", "hooks.more.secretFile: the secret has fewer than 16 bytes"},
		{"secretFile: secret", "secretFile: large", "is larger than 64 KiB"},
		{"secretFile: secret", "secretFile: secret\n    secret: 0123456789abcdef", "hooks.more.secretFile: secret is also set"},
		{"[activities, orders]", "[activities, order]", `unknown collection "order" (did you mean orders?)`},
		{"[activities, orders]", "[activities, actors]", `unknown collection "actors"`},
		{"chains: [ethereum]", "chains: [etherium]", `unknown chain "etherium" (did you mean ethereum?)`},
		{"events: [put", "events: [puts", `unknown type "puts" (did you mean put?)`},
		{"{activities: '", "{records: '", "the webhook does not deliver records"},
		{`kind: "bought"`, `kind: bought`, "filter: at character 8"},
		{`kind: "bought"`, `knd: "bought"`, "no field \"knd\" in activities"},
		{`kind: "bought"`, `kind: "boght"`, "kind is never \"boght\" (did you mean bought?)"},
		{`kind: "bought"`, `final: true`, "final cannot be filtered by"},
		{"  more:", "  More:", "names consist of"},
		{"giveUp: 2h", "giveUp: 3d", "giveUp: \"3d\" is not a duration"},
		{"giveUp: 2h", "giveup: 2h", "unknown option (did you mean giveUp?)"},
	} {
		for name, text := range map[string]string{"secret": "0123456789abcdef", "short": "0123456789abcde\n", "large": strings.Repeat("x", 65<<10)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(hooked, c.from) {
			t.Fatalf("nothing to change: %s", c.from)
		}
		_, err := load(t, dir, strings.Replace(hooked, c.from, c.to, 1), "KEY=k3y", "SECRET=s3cret-of-16-byt")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "k3y") {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
}

func TestUnencrypted(t *testing.T) {
	for url, want := range map[string]bool{
		"https://market.example": false, "http://localhost:1": false, "http://127.0.0.1/x": false, "http://[::1]:8": false,
		"http://10.0.0.7": true, "http://market.example": true, "http://localhost.example": true,
	} {
		if Unencrypted(url) != want {
			t.Errorf("%s: %v", url, !want)
		}
	}
}
