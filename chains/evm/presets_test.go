package evm

import (
	"testing"
	"time"
)

// TestPresets expects every row to be fit to run.
func TestPresets(t *testing.T) {
	for id, want := range map[uint64]string{1: "ethereum", 56: "bsc", 137: "polygon", 204: "opbnb", 324: "zksync", 42161: "arbitrum", 10: "optimism", 8453: "base"} {
		if got, known := PresetOf(id); !known || got.Name != want {
			t.Errorf("chain id %d: %q, want %q", id, got.Name, want)
		}
	}
	names := map[string]uint64{}
	for id, p := range presets {
		if other, twice := names[p.Name]; twice {
			t.Errorf("%d and %d are both %s", id, other, p.Name)
		}
		names[p.Name] = id
		if p.Coin == "" || p.Confirmations <= 0 || p.MaxUnfinal < p.Confirmations {
			t.Errorf("%s: %+v: confirmations count up to maxUnfinal only", p.Name, p)
		}
		if p.BlockTime <= 0 || p.Poll < time.Second || p.Poll > max(time.Second, p.BlockTime) {
			t.Errorf("%s is polled every %s, with a block every %s", p.Name, p.Poll, p.BlockTime)
		}
	}
	if _, known := PresetOf(31337); known {
		t.Error("a development chain has a preset")
	}
}
