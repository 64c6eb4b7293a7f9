//go:build failpoints

package failpoint

import (
	"strings"
	"testing"
)

func TestKillAtTheNthTime(t *testing.T) {
	p, err := parse("a: before x#2;before y#1")
	if err != nil {
		t.Fatal(err)
	}
	var trace strings.Builder
	kills := 0
	p.trace, p.killing = &trace, func() { kills++ }
	for i, want := range []int{0, 1, 1} {
		if p.reach("a: before x"); kills != want {
			t.Errorf("killed %d times after the point was reached %d times", kills, i+1)
		}
	}
	if p.reach("before y"); kills != 2 {
		t.Errorf("killed %d times", kills)
	}
	if want := strings.Repeat("a: before x\n", 3) + "before y\n"; trace.String() != want {
		t.Errorf("the trace is %q", trace.String())
	}
}

func TestRefusedKills(t *testing.T) {
	for _, value := range []string{"x", "x#", "x#0", "x#-1", "x#1;y"} {
		if _, err := parse(value); err == nil {
			t.Errorf("%q is accepted", value)
		}
	}
}
