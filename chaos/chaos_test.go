package main

import (
	"testing"
	"time"
)

// A cluster to which everything happens for a while keeps its rules, and ends with the
// documents that its chains make.
func TestChaos(t *testing.T) {
	chaos(t.Context(), t, options{lasts: 80 * time.Second, seed: 1, nodes: 4, chains: 8, pace: time.Second, say: true})
}
