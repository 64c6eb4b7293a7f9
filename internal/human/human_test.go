package human

import (
	"testing"
	"time"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", -1: "-1", 999: "999", 1000: "1,000", 18270775: "18,270,775", -123456: "-123,456"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	for age, want := range map[time.Duration]string{20 * time.Second: "20 s ago", 90 * time.Second: "1 min ago", 5 * time.Hour: "5 h ago", 72 * time.Hour: "3 days ago"} {
		if got := Ago(age); got != want {
			t.Errorf("%s: %s, want %s", age, got, want)
		}
	}
}
