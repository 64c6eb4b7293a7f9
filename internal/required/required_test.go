package required_test

import (
	"fmt"
	"testing"

	"github.com/imart/event-worker/internal/required"
)

// outcome takes a test's place and keeps what becomes of it.
type outcome struct {
	testing.TB
	skipped, failed string
}

func (o *outcome) Helper()                          {}
func (o *outcome) Skipf(format string, args ...any) { o.skipped = fmt.Sprintf(format, args...) }
func (o *outcome) Fatalf(format string, args ...any) {
	o.failed = fmt.Sprintf(format, args...)
	panic(o)
}

func TestSkip(t *testing.T) {
	for _, test := range []struct {
		list string
		fail bool
	}{
		{"", false},
		{"mongodb", true},
		{"prisma, mongodb", true},
		{"prisma", false},
		{"mongodb6", false},
	} {
		t.Setenv(required.Variable, test.list)
		got := skip("mongodb", "start one")
		want := outcome{skipped: "mongodb was not tested: start one"}
		if test.fail {
			want = outcome{failed: "mongodb was not tested, and EVENT_WORKER_TEST_REQUIRE lists it: start one"}
		}
		if got != want {
			t.Errorf("with %q: %+v", test.list, got)
		}
	}
}

func skip(what, how string) (o outcome) {
	defer func() { _ = recover() }() // of Fatalf, behind which nothing runs
	required.Skip(&o, what, how)
	return o
}
