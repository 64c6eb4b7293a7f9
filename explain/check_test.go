package explain_test

import (
	"testing"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/persistence"
)

// While a worker writes, Look may find differences that do not exist; Settled finds none.
func TestLookAndSettled(t *testing.T) {
	onTheEmbeddedStore(t, func(t *testing.T, store persistence.Store) {
		const queries = 8 // of the checker, and of Look
		differed := 0
		for before := 1; before <= queries; before++ {
			w := newWorld(t, store, traded("0xa"))
			for _, stream := range streams {
				w.read(stream, 4)
			}
			w.fold("list", 1, -1)
			docs := &interleaved{w.store, 0, func(query int) {
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
			differed++
			if check, err = checker.Settled(t.Context(), explain.Key{Key: "0xa"}); err != nil || !check.Agrees() {
				t.Errorf("before query %d: %+v, %v", before, check, err)
			}
		}
		if differed == 0 {
			t.Error("Look never found a difference")
		}
	})
}
