package examples_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/examples"
)

func TestExamplesAreTheSameInEveryRun(t *testing.T) {
	number := func(t *rapid.T) int { return rapid.IntRange(0, 1_000_000).Draw(t, "number") }
	all := examples.Of(20, number)
	if !slices.Equal(all, examples.Of(20, number)) {
		t.Error("the second time they are others")
	}
	slices.Sort(all)
	if len(slices.Compact(all)) < 5 {
		t.Errorf("%v are few", all)
	}
}
