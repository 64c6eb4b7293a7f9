package demo

import (
	"fmt"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/progress"
)

// columns are those of a stream's line. They fit a terminal of 80.
const columns = "%-23s %11s %13s %6s %8s  %s"

// table has a line for each stream, below its market's name.
func table(all []*progress.Stream) []string {
	lines := []string{fmt.Sprintf(columns, "", "seq", "head", "events", "events/s", "state")}
	last := ""
	for _, s := range all {
		if s.Market != last {
			last = s.Market
			lines = append(lines, s.Chain+"/"+s.Market)
		}
		lines = append(lines, fmt.Sprintf(columns, s.Name, cli.Grouped(s.Place.Seq), cli.Grouped(s.Head), cli.Grouped(s.Events),
			cli.Grouped(int64(s.EventsPerSecond+0.5)), s.State))
	}
	return lines
}
