package explain_test

import (
	"testing"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/persistence"
)

// While a worker writes, a document may seem to differ from its log at a glance. It does not
// once both are read as of one state.
func TestAGlanceAndASecondLook(t *testing.T) {
	onTheEmbeddedStore(t, func(t *testing.T, store persistence.Store) {
		const queries = 8 // of the checker, and of the glance
		seemed := 0
		for before := 1; before <= queries; before++ {
			w := newWorld(t, store, traded("0xa"))
			for _, stream := range streams {
				w.read(stream, 4)
			}
			w.fold("list", 1, -1)
			docs := &meanwhile{w.store, 0, func(query int) {
				if query == before {
					w.fold("buy", 2, -1)
				}
			}}
			checker, err := explain.NewChecker(t.Context(), docs, w.ref)
			w.must(err)
			w.must(checker.Refresh(t.Context()))
			check, err := checker.Look(t.Context(), explain.Key{Key: "0xa"})
			w.must(err)
			if check.Agrees() {
				continue
			}
			seemed++
			if check, err = checker.Settled(t.Context(), explain.Key{Key: "0xa"}); err != nil || !check.Agrees() {
				t.Errorf("before query %d: %+v, %v", before, check, err)
			}
		}
		if seemed == 0 {
			t.Error("a glance never saw a difference")
		}
	})
}
