package progress

import (
	"math"
	"slices"
	"time"
)

// rateSpan is the time over which the rates in the log are measured.
const rateSpan = time.Minute

// logProgress logs how far a chain is while it has history to read, and that it is done. Of
// a chain that fails, only the first minute has a line at each look: its summaries go on.
func (l *Logger) logProgress(c *Chain, summarised bool) {
	behind, before := c.Behind(), l.behind[c.Name]
	l.behind[c.Name] = behind > 0
	switch {
	case behind > 0 && c.Failing != "" && (summarised || l.looks > busyLooks):
	case c.Head == nil || c.Head.Head == 0:
		if l.looks <= busyLooks || l.looks%busyLooks == 0 {
			l.log.Info("waiting for the chain's endpoints", "chain", c.Name)
		}
	case behind > 0:
		l.log.Info("progress", append([]any{"chain", c.Name}, lineOf(c)...)...)
	case before || l.looks == 1:
		attrs := []any{"chain", c.Name, "head", c.Head.Head, "every", LookEvery * calmLooks}
		if n := c.aboveHead(); n > 0 {
			attrs = append(attrs, "startAboveHead", n)
		}
		l.log.Info("chain is followed at its head: from now on it has a summary at intervals", attrs...)
	}
}

// lineOf describes a chain by its slowest stream.
func lineOf(c *Chain) []any {
	s := c.Slowest()
	var attrs []any
	if height, known := s.Height(); known {
		attrs = append(attrs, "at", height)
	}
	attrs = append(attrs, "head", s.Head, "percent", rounded(s.Percent()))
	streams := slices.Collect(c.Streams())
	events := 0.0
	for _, s := range streams {
		events += s.EventsPerSecond
	}
	attrs = append(attrs, "eventsPerSecond", rounded(events), "requestsPerSecond", rounded(c.RequestsPerSecond))
	if eta, known := c.ETA(); known {
		attrs = append(attrs, "eta", eta.Round(time.Second))
	}
	return append(attrs, "behind", c.Behind(), "streams", len(streams), "slowest", s.Market+"/"+s.Name)
}

func rounded(x float64) float64 { return math.Round(x*10) / 10 }

// aboveHead counts the streams that start above the chain's head.
func (c *Chain) aboveHead() (n int) {
	for s := range c.Streams() {
		if s.AboveHead() {
			n++
		}
	}
	return n
}
