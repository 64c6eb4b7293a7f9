package page

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// A page ends between two different times, unless all of its activities have the same time.
func TestPagesOfMoments(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []markets.Activity
		at := epoch
		for i := range rapid.IntRange(2, 40).Draw(rt, "activities") {
			if rapid.Bool().Draw(rt, "later") {
				at = at.Add(-time.Second)
			}
			all = append(all, markets.Activity{Chain: fmt.Sprint(i), Event: markets.Event{Time: at}})
		}
		page := rapid.IntRange(1, 10).Draw(rt, "page")
		if len(all) <= page {
			return
		}
		shown, before := cutBetweenMoments(all, page)
		moment := 0
		for moment < len(all) && all[moment].Time.Equal(all[0].Time) {
			moment++
		}
		switch {
		case shown == nil && moment <= min(page, len(all)-1):
			rt.Fatalf("nothing is shown, although the first moment has %d", moment)
		case shown != nil && (len(shown) > page || all[len(shown)].Time.Equal(shown[len(shown)-1].Time)):
			rt.Fatalf("%d are shown, and the page ends within a moment", len(shown))
		case shown != nil && before != shown[len(shown)-1].Time.Format(time.RFC3339Nano):
			rt.Fatalf("the next page is before %s", before)
		}
	})
}
