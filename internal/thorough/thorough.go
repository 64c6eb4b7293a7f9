// Package thorough tells the quick tests, all that go test ./... runs in a few minutes, from
// the thorough ones, which start the whole program, kill servers or search for long.
package thorough

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// Variable names the environment variable that adds the thorough tests: any value does.
const Variable = "EVENT_WORKER_TEST_THOROUGH"

// Only skips a test that takes long, unless thorough tests are wanted.
func Only(t testing.TB) {
	t.Helper()
	if !wanted() {
		t.Skip("takes long: " + Variable + "=1 runs it")
	}
}

// Count returns how much a test tries that says more the more it tries.
func Count(quick, thorough int) int {
	if wanted() {
		return thorough
	}
	return quick
}

func wanted() bool { return os.Getenv(Variable) != "" }

// Checks sets how many checks rapid makes of each property, for a TestMain whose checks take
// long: a fifth of them in quick tests. The command line, which is parsed later, takes
// precedence.
func Checks(n int) { _ = flag.Set("rapid.checks", strconv.Itoa(Count(max(1, n/5), n))) }
