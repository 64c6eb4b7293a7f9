package thorough_test

import (
	"testing"

	"github.com/imart/event-worker/internal/thorough"
)

func TestOnlyWhereWanted(t *testing.T) {
	for value, wanted := range map[string]bool{"": false, "1": true} {
		t.Setenv(thorough.Variable, value)
		ran := false
		t.Run("thorough", func(t *testing.T) {
			thorough.Only(t)
			ran = true
		})
		if ran != wanted || (thorough.Count(1, 2) == 2) != wanted {
			t.Errorf("with %q a thorough test runs: %t, and cases are %d", value, ran, thorough.Count(1, 2))
		}
	}
}
