package main

import (
	"strings"
	"testing"
	"time"
)

// grown returns the growths of a process with some samples, one each ten seconds.
func grown(lasts time.Duration, memory func(age time.Duration) int64) []growth {
	s := &scales{samples: map[string][]sample{}}
	for age := time.Duration(0); age <= lasts; age += 10 * time.Second {
		s.add("node-1", sample{age, weight{memory: memory(age), heap: 10 << 20, goroutines: 100, files: 20}})
	}
	return s.growths()
}

func TestGrowth(t *testing.T) {
	const mb = 1 << 20
	for _, test := range []struct {
		name   string
		lasts  time.Duration
		memory func(age time.Duration) int64
		want   string // empty: no growth
	}{
		{"none", time.Hour, func(time.Duration) int64 { return 100 * mb }, ""},
		{"only in the warm-up", time.Hour, func(age time.Duration) int64 { return min(100, 10+2*int64(age/time.Second)) * mb }, ""},
		{"to and fro", time.Hour, func(age time.Duration) int64 { return (100 + 200*int64(age/(10*time.Second)%2)) * mb }, ""},
		{"within the tolerance", time.Hour, func(age time.Duration) int64 { return (100 + int64(age/time.Minute)) * mb }, ""},
		{"a leak of 4 MB a minute", time.Hour, func(age time.Duration) int64 { return (100 + 4*int64(age/time.Minute)) * mb }, "node-1: from 140 to 300 MB of memory over 59m0s, +240.0 an hour"},
		{"a leak that is not measurable yet", 3 * time.Minute, func(age time.Duration) int64 { return int64(age) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var found []string
			for _, g := range grown(test.lasts, test.memory) {
				if g.excessive() {
					found = append(found, g.String())
				}
			}
			if got := strings.Join(found, "; "); got != test.want {
				t.Errorf("growth %q, want %q", got, test.want)
			}
		})
	}
	if n := len(grown(time.Hour, func(time.Duration) int64 { return 1 })); n != len(quantities) {
		t.Errorf("%d quantities are measured", n)
	}
}
