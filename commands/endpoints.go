package commands

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// What a line of an endpoint holds at most, in bytes.
const (
	hostShown  = 60
	errorShown = 80
)

// writeEndpoints prints the endpoints of the chains, a line each; if there is nothing
// to print it prints no table. In brief they are only those that are not up.
func (s state) writeEndpoints(w io.Writer, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	lines := 0
	for _, chain := range s.Chains {
		for _, line := range endpointLines(chain, now, s.brief) {
			if lines++; lines == 1 {
				fmt.Fprintln(table, "\nchain\tendpoint\tstate\theight\tbehind\trequests/s\tlatency\trequests\terrors\twritten\tlast error")
			}
			fmt.Fprintln(table, line)
		}
	}
	return table.Flush()
}

// endpointLines are the lines of a chain's endpoints.
func endpointLines(chain *branch, now time.Time, troubledOnly bool) (lines []string) {
	head := teller(chain)
	best := int64(0)
	for _, e := range head.Endpoints {
		best = max(best, e.Height)
	}
	for _, e := range head.Endpoints {
		if !troubledOnly || e.State != persistence.EndpointUp {
			lines = append(lines, chain.Name+"\t"+endpointCells(e, best, age(head.UpdatedAt, now)))
		}
	}
	return lines
}

// teller is the actor of a chain that tells of its endpoints.
func teller(chain *branch) (a persistence.Actor) {
	chain.walk(func(b *branch) {
		if b.Actor != nil && len(b.Actor.Endpoints) > 0 {
			a = *b.Actor
		}
	})
	return a
}

func endpointCells(e persistence.Endpoint, best int64, written string) string {
	height, behind, rate, latency := "", "", "", ""
	if e.Height > 0 {
		height, behind = cli.Grouped(e.Height), cli.Grouped(best-e.Height)
	}
	if e.Rate > 0 {
		rate = strconv.FormatFloat(e.Rate, 'f', -1, 64)
	}
	if e.LatencyMS > 0 {
		latency = strconv.FormatFloat(e.LatencyMS, 'f', -1, 64) + " ms"
	}
	return strings.Join([]string{
		printable.Line(e.Host, hostShown), printable.Line(e.State, hostShown), height, behind, rate, latency,
		cli.Grouped(e.Requests), summed(e.Errors), written, printable.Line(e.LastError, errorShown),
	}, "\t")
}

// summed is how many errors there were, with the class that most of them are of.
func summed(errors map[string]int64) string {
	if len(errors) == 0 {
		return ""
	}
	sum := int64(0)
	for _, n := range errors {
		sum += n
	}
	worst := slices.MaxFunc(slices.Sorted(maps.Keys(errors)), func(a, b string) int { return cmp.Compare(errors[a], errors[b]) })
	name := printable.Line(worst, hostShown)
	if errors[worst] == sum {
		return cli.Grouped(sum) + " " + name
	}
	return fmt.Sprintf("%s, %s of them %s", cli.Grouped(sum), cli.Grouped(errors[worst]), name)
}
