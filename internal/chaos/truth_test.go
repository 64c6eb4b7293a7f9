package main

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However a clock is set, a commit took effect within its interval.
func TestIntervals(t *testing.T) {
	started := time.Unix(1_700_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string, least, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, what))
		}
		now := draw("now", 0, time.Hour)
		committed, set := draw("committed", 0, now), draw("set", 0, now)
		forward := draw("forward", -time.Hour, time.Hour)
		clock := func(at time.Duration) time.Time {
			if at >= set {
				at += forward
			}
			return started.Add(at)
		}
		if i := interval(clock(committed), started, clock(now), now); i.Call > committed || i.Return < committed {
			t.Fatalf("a commit at %v is in %+v", committed, i)
		}
	})
}
