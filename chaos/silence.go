package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imart/event-worker/chaos/history"
)

// silences are how long chains saw no commit: those whose owner changed, and all.
type silences struct {
	times      int // how often the event happened
	moved, all []time.Duration
}

// silenceTable says for each kind of event how long chains were silent from there to
// the next event.
func silenceTable(chains []*chain, events []event, end time.Time, c *history.Checker) string {
	byName := map[string]*silences{}
	takeOvers := c.TakeOvers()
	for i, e := range events {
		until := end
		if i+1 < len(events) {
			until = events[i+1].at
		}
		s := byName[e.name]
		if s == nil {
			s = new(silences)
			byName[e.name] = s
		}
		s.times++
		for _, chain := range chains {
			s.all = append(s.all, longest(c.Silences(chain.name), e.at, until))
		}
		for _, t := range takeOvers {
			if !t.At.Before(e.at) && t.At.Before(until) {
				s.moved = append(s.moved, t.Length())
			}
		}
	}
	return table(byName)
}

// longest is the length of the longest silence that began or went on in a time.
func longest(of []history.Silence, from, until time.Time) time.Duration {
	var longest time.Duration
	for _, s := range of {
		if s.To.After(from) && s.From.Before(until) {
			longest = max(longest, s.Length())
		}
	}
	return longest
}

func table(byName map[string]*silences) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "event\ttimes\tall chains: silence, median\tworst\ttake-overs\tsilence, median\tworst")
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		s := byName[name]
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\n", name, s.times, spread(s.all), len(s.moved), spread(s.moved))
	}
	_ = w.Flush()
	return b.String()
}

// spread is the median and the greatest of some times.
func spread(of []time.Duration) string {
	if len(of) == 0 {
		return "–\t–"
	}
	sorted := slices.SortedFunc(slices.Values(of), cmp.Compare[time.Duration])
	return fmt.Sprintf("%.1f s\t%.1f s", sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}
