package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/devnet"
)

// silences are the times without commits of the chains whose owner changed, and of all.
type silences struct {
	times      int // how often the event happened
	moved, all []time.Duration
}

// silenceTable tabulates the silences by kind of event.
func silenceTable(chains []*devnet.Chain, events []event, c *history.Checker) string {
	byName := map[string]*silences{}
	for _, e := range events {
		if byName[e.name] == nil {
			byName[e.name] = new(silences)
		}
		byName[e.name].times++
	}
	for _, chain := range chains {
		worst := make([]time.Duration, len(events))
		for _, s := range c.Silences(chain.Name) {
			if i := cause(events, s); i >= 0 {
				worst[i] = max(worst[i], s.Length())
			}
		}
		for i, e := range events {
			byName[e.name].all = append(byName[e.name].all, worst[i])
		}
	}
	for _, t := range c.TakeOvers() {
		if i := cause(events, t.Silence); i >= 0 {
			byName[events[i].name].moved = append(byName[events[i].name].moved, t.Length())
		}
	}
	return table(byName)
}

// cause returns the event that caused a silence: the first one within it, or else the
// last one before it; -1 if there was none.
func cause(events []event, s history.Silence) int {
	before := -1
	for i, e := range events {
		switch {
		case e.at.Before(s.From):
			before = i
		case e.at.Before(s.To):
			return i
		}
	}
	return before
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

// spread returns the median and the maximum.
func spread(of []time.Duration) string {
	if len(of) == 0 {
		return "–\t–"
	}
	sorted := slices.SortedFunc(slices.Values(of), cmp.Compare[time.Duration])
	return fmt.Sprintf("%.1f s\t%.1f s", sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}
