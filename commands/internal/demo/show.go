package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/panel"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

const (
	// rateSpan is the time over which rates are measured.
	rateSpan = 5 * time.Second
	// shownWidth is the width of tables without a terminal.
	shownWidth = 88
)

// show prints the demo's progress, and advances the recorded chains.
type show struct {
	flags    flags
	at       Data
	screen   *cli.Screen
	docs     persistence.Querier
	nodes    []*replay.Node
	page     func() string // the URL of the page; empty if it is not served
	stepping sync.WaitGroup

	begun   time.Time
	first   *progress.Meter // since the beginning
	recent  *progress.Window
	printed map[string]line // as last printed
	lines   time.Time       // when that was
}

// line is the content of a stream's line: the line is printed again when it changes.
type line struct {
	events int64
	state  string
}

// start prints what is followed, and advances the recorded chains: to their ends with
// --once, and otherwise to where an earlier demo stopped.
func (s *show) start(ctx context.Context, docs persistence.Querier) error {
	s.docs = docs
	tree, err := progress.Read(ctx, docs, persistence.Filter{})
	if err != nil {
		return err
	}
	s.first, s.recent = progress.NewMeter(s.begun, tree), progress.NewWindow(rateSpan)
	s.recent.Measure(s.begun, tree)
	s.printed = map[string]line{}
	fmt.Fprintf(s.screen, "Following recorded mainnet data, kept in %s.\n", s.at)
	for i, node := range s.nodes {
		if s.flags.once {
			node.Finish()
		}
		reach(tree, Markets[i].Chain, node)
		fmt.Fprintf(s.screen, "  %-9s local node %s, head at %s\n", Markets[i].Chain, node.URL(), human.Grouped(node.Head()))
	}
	return nil
}

// reach advances a recorded chain to the newest place of its streams' logs. Documents are
// executed only up to the chain's head, and are behind their log after a demo was killed.
func reach(tree progress.Tree, chain string, node *replay.Node) {
	for stream := range tree.Streams() {
		for stream.Chain == chain && stream.Log != nil && node.Head() < stream.Log.Place.Height() && node.Step() {
		}
	}
}

func (s *show) Look(ctx context.Context) error {
	tree, err := progress.Read(ctx, s.docs, persistence.Filter{})
	if err != nil {
		return err
	}
	for i, node := range s.nodes { // a demo that this one took over from may have committed since
		reach(tree, Markets[i].Chain, node)
	}
	now := time.Now()
	s.recent.Measure(now, tree)
	if err := s.screen.Show(s.panel(tree)); err != nil {
		return err
	}
	if !s.screen.OnTerminal() && now.Sub(s.lines) > demoLines {
		s.lines = now
		return s.print(tree)
	}
	return nil
}

// panel shows the progress below the permanent lines.
func (s *show) panel(tree progress.Tree) cli.Panel {
	return func(width, height int) []string {
		return append([]string{""}, panel.Lines(tree, width, height-1, s.screen.Colours())...)
	}
}

// print prints the streams whose lines have changed.
func (s *show) print(tree progress.Tree) error {
	changed := tree.Only(func(stream *progress.Stream) bool {
		before, known := s.printed[stream.ID()]
		return !known || before != line{stream.Events, stream.State}
	})
	if len(changed) == 0 {
		return nil
	}
	return s.printTable(changed)
}

// printTable prints streams as permanent lines.
func (s *show) printTable(tree progress.Tree) error {
	for stream := range tree.Streams() {
		s.printed[stream.ID()] = line{stream.Events, stream.State}
	}
	width, _, ok := cli.Size(s.screen.Out())
	if !ok {
		width = shownWidth
	}
	return s.screen.Print(append([]string{""}, panel.Lines(tree, width, 0, s.screen.Colours())...))
}

// CaughtUp prints a summary, and lets the recorded chains advance.
func (s *show) CaughtUp(ctx context.Context) error {
	tree, err := progress.Read(ctx, s.docs, persistence.Filter{})
	if err != nil {
		return err
	}
	now := time.Now()
	s.first.Measure(now, tree)
	if err := s.screen.Show(nil); err != nil {
		return err
	}
	if err := s.printTable(tree); err != nil {
		return err
	}
	streams := len(slices.Collect(tree.Streams()))
	added, _ := s.first.Events(tree)
	fmt.Fprintf(s.screen, "\nCaught up in %.1f s: %s in %s.\n", now.Sub(s.begun).Seconds(), human.Some(added, "new event"), human.Some(int64(streams), "stream"))
	for _, ref := range Markets {
		text, err := summary(ctx, s.docs, ref)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.screen, "\n%s", text)
	}
	fmt.Fprintf(s.screen, "\n%s", s.next())
	if !s.flags.once {
		s.advance(ctx)
	}
	return nil
}

// next suggests commands to try.
func (s *show) next() string {
	return fmt.Sprintf(`The data is in %[1]s. Try, in another terminal while this runs or later:
  %[2]s status%[3]s
  %[2]s query%[3]s orders '{status: "SOLD", "currency.symbol": "ETH", price: {$gte: "100000000000000000"}}' --sort -price
  %[2]s query%[3]s activities '{kind: {$in: ["bought", "offer_accepted"]}, chain: "aptos"}' --sort -time
%[4]s
`, s.at, cli.Self(), s.at.Flag(), s.pageLine())
}

// pageLine names the page's URL, or the command that serves the page.
func (s *show) pageLine() string {
	if page := s.page(); page != "" {
		return "Or open it in a browser while this runs: " + page
	}
	return fmt.Sprintf("  %s serve%s   # the page and the API, at http://%s", cli.Self(), s.at.Flag(), config.DefaultAPI)
}

// advance lets the recorded chains advance in the background.
func (s *show) advance(ctx context.Context) {
	fmt.Fprintf(s.screen, "\nThe recorded chains now advance every %s. Ctrl-C stops.\n", s.flags.pace)
	for i, node := range s.nodes {
		s.stepping.Go(func() {
			node.Run(ctx, s.flags.pace)
			if ctx.Err() == nil {
				fmt.Fprintf(s.screen, "The recording of %s ends here, at %s; it has no more events.\n", Markets[i].Chain, human.Grouped(node.Head()))
			}
		})
	}
}
