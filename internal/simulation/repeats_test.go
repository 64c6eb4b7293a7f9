//go:build deterministic

package simulation

import "testing"

// A seed makes the same history each time, in a program that is built with the overlay.
func TestASeedRepeats(t *testing.T) {
	for seed := range uint64(2) {
		one, two := simulate(t, seed), simulate(t, seed)
		if one.digest != two.digest || one.steps != two.steps {
			t.Errorf("seed %d: %d steps, digest %x, then %d steps, digest %x", seed, one.steps, one.digest, two.steps, two.digest)
		}
	}
}
