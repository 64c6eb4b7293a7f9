package backoff_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/backoff"
)

func TestDelay(t *testing.T) {
	for i, want := range []time.Duration{1, 1, 2, 4, 5, 5} {
		if got := backoff.Delay(i, time.Second, 5*time.Second); got != want*time.Second {
			t.Errorf("after %d failures %s, want %s", i, got, want*time.Second)
		}
	}
}

// Delays lie between the limits, however many failures there were, and grow with them.
func TestLimits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(r, "least"))
		most := least + time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(r, "more"))
		n := rapid.IntRange(0, math.MaxInt-1).Draw(r, "failures")
		d, next := backoff.Delay(n, least, most), backoff.Delay(n+1, least, most)
		if d < least || d > most || next < d || next > 2*d {
			r.Errorf("after %d failures %s, then %s, between %s and %s", n, d, next, least, most)
		}
		if j := backoff.Jittered(n, least, most); j < d || j > d+d/2 {
			r.Errorf("after %d failures %s, want between %s and %s", n, j, d, d+d/2)
		}
	})
}
