package main

import (
	"testing"
	"time"

	"github.com/imart/event-worker/internal/chaos/history"
)

// A silence belongs to the first event within it: the silence starts with the last
// commit, which precedes the event that stopped the commits.
func TestCauseOfASilence(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	events := []event{{"first", at(10)}, {"second", at(20)}}
	for _, test := range []struct{ from, to, want int }{
		{1, 2, -1}, {9, 12, 0}, {9, 22, 0}, {11, 12, 0}, {19, 22, 1}, {30, 40, 1},
	} {
		if got := cause(events, history.Silence{From: at(test.from), To: at(test.to)}); got != test.want {
			t.Errorf("a silence from %d to %d has the cause %d, want %d", test.from, test.to, got, test.want)
		}
	}
}

func TestSpread(t *testing.T) {
	if got := spread([]time.Duration{3 * time.Second, time.Second, 2 * time.Second}); got != "2.0 s\t3.0 s" {
		t.Errorf("spread %q", got)
	}
}
