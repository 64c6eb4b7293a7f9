// Package required says what becomes of a test that lacks something it needs, a
// server or a tool.
package required

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Variable names the environment variable that lists, separated by commas, what
// must not be lacking.
const Variable = "EVENT_WORKER_TEST_REQUIRE"

// Skip skips a test for want of something and says how to have it. It fails the
// test if Variable lists what.
func Skip(t testing.TB, what, how string) {
	t.Helper()
	if listed(what) {
		t.Fatalf("%s was not tested, and %s lists it: %s", what, Variable, how)
	}
	t.Skipf("%s was not tested: %s", what, how)
}

func listed(what string) bool {
	return slices.ContainsFunc(strings.Split(os.Getenv(Variable), ","), func(one string) bool {
		return strings.TrimSpace(one) == what
	})
}
