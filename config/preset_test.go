package config

import (
	"fmt"
	"testing"
	"time"
)

// What is not set is what is known of the network, and what the chain's package has where
// nothing is known.
func TestPreset(t *testing.T) {
	load := func(id int, options string) Chain {
		t.Helper()
		cfg, err := load(t, t.TempDir(), fmt.Sprintf("chains: {home: {kind: evm, chainId: %d, endpoint: http://a, markets: {seaport: {start: 1}}%s}}\n", id, options))
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Chains[0]
	}
	c := load(137, "")
	if p := c.Preset; p.Name != "polygon" || c.Coin != p.Coin || c.Coin != "POL" || c.Poll != p.Poll || c.Confirmations != p.Confirmations || c.MaxUnfinal != p.MaxUnfinal {
		t.Errorf("polygon: %+v", c)
	}
	c = load(137, ", coin: MATIC, poll: 7s, confirmations: 3, maxUnfinal: 9")
	if c.Coin != "MATIC" || c.Poll != 7*time.Second || c.Confirmations != 3 || c.MaxUnfinal != 9 {
		t.Errorf("polygon, configured otherwise: %+v", c)
	}
	c = load(31337, "")
	if c.Preset.Name != "" || c.Coin != "" || c.Poll != 5*time.Second || c.Confirmations != 0 || c.MaxUnfinal != 0 {
		t.Errorf("a development chain: %+v", c)
	}
	if c.InFlight != 8 || c.MaxBatch != 100 || c.FinalityViolations != (FinalityViolations{Confirm: 3 * time.Minute}) {
		t.Errorf("defaults: %+v", c)
	}
	c = load(31337, ", inFlight: 2, maxBatch: 1, finalityViolations: wait")
	if c.InFlight != 2 || c.MaxBatch != 1 || !c.FinalityViolations.Wait {
		t.Errorf("configured: %+v", c)
	}
}

// A chain id means nothing known on Aptos.
func TestNoPresetOnAptos(t *testing.T) {
	cfg, err := load(t, t.TempDir(), chainWith("aptos", "    endpoint: http://a\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Chains[0]; c.Preset.Name != "" || c.Poll != 5*time.Second || c.Coin != "" {
		t.Errorf("%+v", c)
	}
}

func TestMemory(t *testing.T) {
	const rest = "chains: {home: {kind: evm, chainId: 7, endpoint: http://a, markets: {seaport: {start: 1}}}}\n"
	for text, want := range map[string]int64{
		"": DefaultMemory, "memory: 64MiB\n": 64 << 20, "memory: 128MB\n": 128e6, "memory: 0.5GiB\n": 512 << 20,
		"memory: 1 gib\n": 1 << 30, "memory: 8388608\n": 8 << 20, "memory: 1TiB\n": 1 << 40, "memory: 20000kB\n": 2e7,
	} {
		if cfg, err := load(t, t.TempDir(), text+rest); err != nil || cfg.Memory != want {
			t.Errorf("%q: %d, want %d (%v)", text, cfg.Memory, want, err)
		}
	}
	for _, text := range []string{"64", "MiB", "64MBits", "64iB", "-64MiB", "NaN", "Inf", "2TiB", "7MiB", "64MiB MiB", "[64]"} {
		want := `c.yaml:1:9: memory: "` + text + `" is not a valid size: write it like 96MiB, 128MB or 0.5GiB, from 8MiB to 1TiB`
		if text == "[64]" {
			want = "c.yaml:1:1: memory: expected a single value"
		}
		onlyProblem(t, "memory: "+text+"\n"+rest, want)
	}
}
