package main

import (
	"os"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
)

// lastsVariable sets the duration of the faults in the test.
const lastsVariable = "EVENT_WORKER_TEST_CHAOS"

// A cluster under faults keeps its invariants, and ends with the documents that its
// chains determine.
func TestChaos(t *testing.T) {
	text := os.Getenv(lastsVariable)
	if text == "" {
		thorough.Only(t)
		text = "15s"
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", lastsVariable, err)
	}
	chaos(t.Context(), t, options{lasts: lasts, seed: 1, nodes: 4, chains: 8, pace: time.Second, say: true, evidence: evidence(t)}, new(result))
}

// evidence returns a folder that is kept if the test fails.
func evidence(t *testing.T) string {
	folder, err := os.MkdirTemp("", "event-worker-chaos-evidence-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(folder)
		}
	})
	return folder
}
