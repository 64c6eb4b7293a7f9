package progress

import (
	"math"
	"slices"
	"time"
)

// rateSpan is the time over which the rates in the log are measured.
const rateSpan = time.Minute

// logProgress logs the progress of a chain while it has history to read, and once when it
// has reached its head. The lines of a failing chain end after the first minute, or with a
// summary.
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
		l.log.Info("the chain is at its head: from now on it is summarised at intervals", attrs...)
	}
}

// lineOf returns the attributes of a chain's line, which describe its slowest stream.
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
