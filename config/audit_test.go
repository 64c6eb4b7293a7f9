package config

import (
	"strings"
	"testing"
	"time"
)

func TestAudit(t *testing.T) {
	chain := chainWith("evm", "    endpoint: http://a\n")
	for text, want := range map[string]time.Duration{"": 0, "audit: false\n": 0, "audit: daily\n": 24 * time.Hour, "audit: true\n": 24 * time.Hour, "audit: 72h\n": 72 * time.Hour} {
		cfg, err := load(t, t.TempDir(), text+chain)
		if err != nil || cfg.Audit != want {
			t.Errorf("%q: %s (%v), want %s", text, cfg.Audit, err, want)
		}
	}
	for _, text := range []string{"audit: weekly\n", "audit: 10s\n", "audit: -5h\n", "audit: 3\n", "audit: {every: 5h}\n"} {
		if _, err := load(t, t.TempDir(), text+chain); err == nil || !strings.Contains(err.Error(), "audit") || !strings.Contains(err.Error(), "72h") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
