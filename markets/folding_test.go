package markets

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// The Effect of each event matches the order's change: an anomaly is counted, an event that
// does not concern the order changes nothing, and any other becomes the order's last.
func TestEffectsOfEvents(t *testing.T) {
	seen := map[Ignored]int{}
	used := 0
	for seed := range uint64(2000) {
		events := history(rand.New(rand.NewPCG(seed, 1)))
		f := NewFolding("chain", "market", "order0")
		for i := range events {
			e := &events[i]
			if e.Order != "order0" && e.Kind != OrdersCancelled {
				continue
			}
			before, existed := f.Order, f.Exists
			effect := f.Apply(e)
			after := f.Order
			seen[effect.Ignored]++
			if effect.By != nil {
				used++
				if after.Status.Alive() || !effect.By.byNonce() || effect.By.Position.After(e.Position) {
					t.Fatalf("seed %d: %v is said to be cancelled by %v, and is %s", seed, e.Position, effect.By.Position, after.Status)
				}
			}
			if !existed {
				before.First = after.First
			}
			switch rose := after.Anomalies - before.Anomalies; {
			case effect.Ignored.Anomaly() != (rose == 1):
				t.Fatalf("seed %d: %v, ignored %q: %d anomalies after %d", seed, e.Position, effect.Ignored, after.Anomalies, before.Anomalies)
			case !effect.Ignored.Concerns() && effect.By == nil && !reflect.DeepEqual(before, after):
				t.Fatalf("seed %d: %v does not concern the order (%s), and changes it", seed, e.Position, effect.Ignored)
			case effect.Ignored.Concerns() != (after.Last == e.Position):
				t.Fatalf("seed %d: %v, ignored %q: the last event is %v", seed, e.Position, effect.Ignored, after.Last)
			}
		}
		mine := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Order != "order0" && e.Kind != OrdersCancelled })
		if o, exists := FoldOrder("chain", "market", "order0", mine); exists != f.Exists || line(o) != line(f.Order) {
			t.Fatalf("seed %d: the fold is %s, the folding %s", seed, line(o), line(f.Order))
		}
	}
	for _, why := range []Ignored{
		"", OrderClosed, TermsFixed, NotOfOrders, FillsUnknown, OverFilled, StateOutdated, StateForetold,
		BeforeAll, ClosedBefore, OtherMaker, OtherContract, OtherSide, OtherNonce,
	} {
		if seen[why] == 0 {
			t.Errorf("no history has an event that is ignored because %q", why)
		}
	}
	if used == 0 {
		t.Error("no history has an order whose nonce was cancelled before")
	}
}
