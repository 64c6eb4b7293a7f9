package backfill

import "testing"

func TestSizesFollowTheEvents(t *testing.T) {
	tests := map[string]struct {
		events []int
		want   []int64 // blocks asked for
	}{
		"sparse: doubled up to the most": {[]int{0, 3, 0, 0}, []int64{1000, 2000, 4000, 5000, 5000}},
		"about right: kept":              {[]int{3000, 4000}, []int64{1000, 1000, 1000}},
		"dense: as many as are wanted":   {[]int{40_000, 3900}, []int64{1000, 100, 100}},
		"very dense: one block at least": {[]int{40_000_000}, []int64{1000, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newWindowSizer(5000)
			for i, want := range test.want {
				if got := s.blocksPerWindow(); got != want {
					t.Fatalf("question %d: %d blocks, want %v", i, got, test.want)
				}
				if i < len(test.events) {
					s.observe(want, test.events[i])
				}
			}
		})
	}
}

func TestAnEmptyRangeAmongFullOnesSurprises(t *testing.T) {
	s := newWindowSizer(1000)
	if s.suspiciouslyFew(1000, 0) {
		t.Error("nothing is known yet")
	}
	s.observe(1000, 100) // one is enough: those in flight beside the next are judged by it
	for events, want := range map[int]bool{0: true, 10: true, 40: false, 100: false} {
		if got := s.suspiciouslyFew(1000, events); got != want {
			t.Errorf("%d events surprise: %v", events, got)
		}
	}
	if s.suspiciouslyFew(10, 0) {
		t.Error("few blocks may have none")
	}
}

// A range cut short by the head or by finality says nothing about longer ones.
func TestAShortRangeTeachesNothing(t *testing.T) {
	s := newWindowSizer(100_000)
	if s.observe(1, 0); s.blocksPerWindow() != firstWindow {
		t.Errorf("%d blocks", s.blocksPerWindow())
	}
	if small := newWindowSizer(10); small.blocksPerWindow() != 10 {
		t.Errorf("%d blocks of 10 at most", small.blocksPerWindow())
	}
}
