package config

import (
	"errors"
	"os"
	"testing"
)

// Whatever a configuration is: its problems have places, or it can be followed.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("../event-worker.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example), "")
	f.Add(good, "EVENT_WORKER_CHAINS_ETHEREUM_POLL=1s")
	f.Add("chains: {e: {kind: evm, preset: ethereum, endpoints: [a, b]}}", "EVENT_WORKER_CHAINS_E_ENDPOINTS=https://u:p@h/,x")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, variable string) {
		cfg, err := load(t, dir, text, "KEY=s3cret", variable)
		if err == nil {
			for _, c := range cfg.Chains {
				if c.Name == "" || len(c.Endpoints) == 0 {
					t.Fatalf("chain %+v", c)
				}
			}
			return
		}
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 {
				t.Fatalf("a problem without its place: %+v", p)
			}
		}
	})
}
