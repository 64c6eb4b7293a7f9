package outage

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Of any sequence of failures and successes, an outage is logged exactly once if it lasts, as
// soon as it has, and its end is told exactly if it was logged.
func TestOutages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Outage
		var first time.Time // of the failures in a row
		logged := false
		now := time.Unix(1_700_000_000, 0)
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
				want := time.Duration(0)
				if logged {
					want = now.Sub(first)
				}
				if got := o.End(now); got != want {
					t.Fatalf("it lasted %v, want %v", got, want)
				}
				first, logged = time.Time{}, false
				continue
			}
			if first.IsZero() {
				first = now
			}
			due := !logged && now.Sub(first) >= Moment
			if got := o.Note(now, Moment); got != due || o.Since() != first.UTC().Format(time.RFC3339) {
				t.Fatalf("at %v: logged %v, want %v, since %s, want %v", now, got, due, o.Since(), first)
			}
			logged = logged || due
		}
	})
}
