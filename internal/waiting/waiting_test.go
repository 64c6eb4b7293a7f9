package waiting

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A short wait is not reported. A long one is reported after After, then every Again, and
// never after its end.
func TestSay(t *testing.T) {
	for lasts, want := range map[time.Duration][]time.Duration{
		After - time.Millisecond:               nil,
		After + time.Millisecond:               {After},
		After + Again - time.Millisecond:       {After},
		After + 2*Again + 500*time.Millisecond: {After, After + Again, After + 2*Again},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said []time.Duration
			over := Say(func(waited time.Duration) { said = append(said, waited) })
			time.Sleep(lasts)
			over()
			over()
			time.Sleep(time.Hour)
			if !slices.Equal(said, want) {
				t.Errorf("a wait of %s: said after %v, want %v", lasts, said, want)
			}
		})
	}
}
