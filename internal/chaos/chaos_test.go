package main

import (
	"os"
	"testing"
	"time"
)

// lastsVariable sets the duration of the faults in the test.
const lastsVariable = "EVENT_WORKER_TEST_CHAOS"

// A cluster under faults keeps its invariants, and ends with the documents that its
// chains determine.
func TestChaos(t *testing.T) {
	lasts := 15 * time.Second
	if text := os.Getenv(lastsVariable); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", lastsVariable, err)
		}
	}
	chaos(t.Context(), t, options{lasts: lasts, seed: 1, nodes: 4, chains: 8, pace: time.Second, say: true})
}
