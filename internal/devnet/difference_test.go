package devnet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imart/event-worker/persistence"
)

func TestDifferences(t *testing.T) {
	got := Contents{persistence.Orders: {"same": `{"a":1}`, "other": `{"a":1,"b":2,"d":4}`, "more": `{}`, "form": `{"a":1,"b":2}`}}
	want := Contents{persistence.Orders: {"same": `{"a":1}`, "other": `{"a":1,"b":3,"c":5}`, "less": `{"a":9}`, "form": `{"b":2,"a":1}`}}
	text := strings.Join(Differences(got, want), "\n")
	for _, line := range []string{
		"orders other differs", "    b is 2, want 3", "    c is nothing, want 5", "    d is 4, want nothing",
		"orders more is unexpected: {}", `orders less is missing: {"a":9}`, "orders form has the same fields in a different form",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("it does not say %q:\n%s", line, text)
		}
	}
	if strings.Contains(text, "orders same") || strings.Contains(text, "    a is") {
		t.Errorf("it tells what is the same:\n%s", text)
	}
	many := Contents{persistence.Orders: {}}
	for i := range 3 * shown {
		many[persistence.Orders][fmt.Sprint(i)] = "{}"
	}
	if d := Differences(Contents{}, many); len(d) != shown+1 {
		t.Errorf("%d differences are told of many", len(d))
	}
}
