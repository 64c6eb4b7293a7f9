package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
	"github.com/imart/event-worker/worker"
)

const (
	// demoFirstBlock is below the first block that the recording has events of.
	demoFirstBlock = 15_990_000
	demoPoll       = 200 * time.Millisecond
	demoLook       = 250 * time.Millisecond
	// demoLines is how often progress is printed where there is no terminal.
	demoLines = 2 * time.Second
)

// demoMarkets are the markets that the recordings have, by chain.
var demoMarkets = []persistence.MarketRef{
	{Chain: "ethereum", Market: "seaport"},
	{Chain: "aptos", Market: "tradeport"},
}

type demoFlags struct {
	data string
	once bool
	pace time.Duration
}

func newDemo(assets Assets) *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Follow recorded mainnet markets: the whole pipeline, without network",
		Long: `Serve recorded mainnet data (Seaport on Ethereum, Tradeport on Aptos) from local nodes
over HTTP, and follow them with the code that follows real chains. Once the history is
read, the demo prints what it found and continues while the recorded chains advance,
until Ctrl-C.

The data are kept in a folder, or in the database of the variable MONGODB_URI if that
is set. Stop it however you like, even with kill -9: the next start continues where it
stopped. To start over, delete the folder or drop the database.`,
		Example: `  event-worker demo
  event-worker demo --once --data /tmp/demo
  event-worker status --data /tmp/demo`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.pace < time.Millisecond {
				return fmt.Errorf("--pace %s: must be at least 1ms", f.pace)
			}
			return demo(c.Context(), assets, c.OutOrStdout(), f)
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "the data folder (default "+demoData+")")
	c.Flags().BoolVar(&f.once, "once", false, "read the whole recording and end")
	c.Flags().DurationVar(&f.pace, "pace", 500*time.Millisecond, "how often the recorded chains advance")
	return c
}

func demo(ctx context.Context, assets Assets, out io.Writer, f demoFlags) (err error) {
	at := f.location()
	screen := newScreen(out)
	log, _, err := logs.New(screen, config.Log{Level: slog.LevelWarn}, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	show := &show{flags: f, at: at, screen: screen, begun: time.Now()}
	defer show.stepping.Wait()
	defer cancel()
	var followed []actors.Chain
	for _, ref := range demoMarkets {
		chain, node, err := replayed(ctx, assets, ref, log)
		if err != nil {
			return err
		}
		defer node.Close()
		defer chain.Chain.Close()
		show.nodes = append(show.nodes, node)
		followed = append(followed, chain)
	}
	cfg := config.Config{Node: config.DemoNode, Tuning: actors.DefaultTuning}
	cfg.Tuning.Tick = demoLook
	w, err := worker.Open(ctx, worker.Options{Config: cfg, Data: at, Log: log, Chains: followed, Once: f.once})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop(context.WithoutCancel(ctx))) }()
	if err := show.start(ctx, w.Store()); err != nil {
		return err
	}
	err = w.Follow(ctx, demoLook, show)
	if err == nil && !f.once {
		fmt.Fprintln(screen, "Stopped. The next start continues from here.")
	}
	return err
}

// location is where the data are: in the demo's folder unless a place is named.
func (f demoFlags) location() location {
	if at, named := named(f.data); named {
		return at
	}
	return location{folder: demoData}
}

// replayed starts a node that serves a recorded chain, and the chain that reads it.
func replayed(ctx context.Context, assets Assets, ref persistence.MarketRef, log *slog.Logger) (actors.Chain, *replay.Node, error) {
	recording, err := assets.recording(ref.Chain)
	if err != nil {
		return actors.Chain{}, nil, err
	}
	market, err := catalogue.Market(ref.Market, definition.Site{ChainID: recording.ChainID})
	if err != nil {
		return actors.Chain{}, nil, err
	}
	for i := range market.Streams {
		market.Streams[i].Notifies = true
	}
	node, err := replay.Serve(ctx, "127.0.0.1:0", recording)
	if err != nil {
		return actors.Chain{}, nil, err
	}
	out := actors.Chain{Name: ref.Chain, Poll: demoPoll, Markets: []actors.Market{{Market: market, Start: start(recording, market)}}}
	if market.Kind == markets.Aptos {
		out.Chain, err = aptos.New(aptos.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Numbers: numbers(recording), Sources: worker.Sources(market)})
	} else {
		out.Chain, err = evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Sources: worker.Sources(market), Log: log})
	}
	return out, node, err
}

// numbers are those of the events that a recording has of a handle.
func numbers(r *replay.Recording) func(markets.Source) []int64 {
	return func(s markets.Source) []int64 { return r.Numbers(s.Account, s.Handle, s.Field) }
}

// start is the place before the first thing recorded of a stream.
func start(r *replay.Recording, m markets.Market) func(string) markets.Place {
	first := map[string]int64{}
	for _, s := range m.Streams {
		if m.Kind == markets.EVM {
			first[s.Name] = demoFirstBlock
		} else if recorded := numbers(r)(s.Source); len(recorded) > 0 {
			first[s.Name] = recorded[0]
		}
	}
	return func(stream string) markets.Place { return markets.Place{Seq: first[stream] - 1} }
}

// show is what the user sees of the demo, and moves the recorded chains on.
type show struct {
	flags    demoFlags
	at       location
	screen   *screen
	docs     persistence.Querier
	nodes    []*replay.Node
	stepping sync.WaitGroup

	begun   time.Time
	first   *progress.Meter // since the beginning
	recent  *progress.Meter // of about a second
	printed map[string]line // as last printed
	lines   time.Time       // when that was
}

// line is what makes a stream's line news.
type line struct {
	events int64
	state  string
}

// start says what is followed, and brings the recorded chains to where they must be: with
// --once to their ends, and otherwise at least to where an earlier demo has seen them.
func (s *show) start(ctx context.Context, docs persistence.Querier) error {
	s.docs = docs
	tree, err := progress.Read(ctx, docs, persistence.Filter{})
	if err != nil {
		return err
	}
	s.first, s.recent = progress.NewMeter(s.begun, tree), progress.NewMeter(s.begun, tree)
	s.printed = map[string]line{}
	fmt.Fprintf(s.screen, "Following recorded mainnet data, kept in %s.\n", s.at)
	for i, node := range s.nodes {
		if s.flags.once {
			node.Finish()
		}
		for stream := range tree.Streams() {
			for stream.Chain == demoMarkets[i].Chain && node.Head() < stream.Place.Height() && node.Step() {
			}
		}
		fmt.Fprintf(s.screen, "  %-9s local node %s, head at %s\n", demoMarkets[i].Chain, node.URL(), grouped(node.Head()))
	}
	return nil
}

func (s *show) Look(ctx context.Context) error {
	tree, err := progress.Read(ctx, s.docs, persistence.Filter{})
	if err != nil {
		return err
	}
	now := time.Now()
	s.recent.Measure(now, tree)
	if s.recent.Since(now) > time.Second {
		s.recent = progress.NewMeter(now, tree)
	}
	all := slices.Collect(tree.Streams())
	if err := s.screen.show(append([]string{""}, table(all)...)); err != nil {
		return err
	}
	if s.screen.terminal == nil && now.Sub(s.lines) > demoLines {
		s.lines = now
		return s.print(all)
	}
	return nil
}

// print prints the streams with news.
func (s *show) print(all []*progress.Stream) error {
	news := slices.DeleteFunc(all, func(stream *progress.Stream) bool {
		before, known := s.printed[stream.ID()]
		return known && before == line{stream.Events, stream.State}
	})
	if len(news) == 0 {
		return nil
	}
	return s.keep(news)
}

// keep prints streams so that they stay.
func (s *show) keep(all []*progress.Stream) error {
	for _, stream := range all {
		s.printed[stream.ID()] = line{stream.Events, stream.State}
	}
	_, err := fmt.Fprintf(s.screen, "\n%s\n", strings.Join(table(all), "\n"))
	return err
}

// CaughtUp tells what was found, and lets the recorded chains advance.
func (s *show) CaughtUp(ctx context.Context) error {
	tree, err := progress.Read(ctx, s.docs, persistence.Filter{})
	if err != nil {
		return err
	}
	now := time.Now()
	s.first.Measure(now, tree)
	if err := s.screen.show(nil); err != nil {
		return err
	}
	all := slices.Collect(tree.Streams())
	if err := s.keep(all); err != nil {
		return err
	}
	fmt.Fprintf(s.screen, "\nCaught up in %.1f s: %s in %s.\n", now.Sub(s.begun).Seconds(), some(s.first.Events(tree), "new event"), some(int64(len(all)), "stream"))
	for _, ref := range demoMarkets {
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

// next is what to try next.
func (s *show) next() string {
	flag := ""
	if s.at.folder != "" {
		flag = " --data " + quoted(s.at.folder)
	}
	return fmt.Sprintf(`The data are in %[1]s. Try, in another terminal while this runs or later:
  %[2]s status%[3]s
  %[2]s query%[3]s orders '{status: "SOLD", "currency.symbol": "ETH", price: {$gte: "100000000000000000"}}' --sort -price
  %[2]s query%[3]s activities '{kind: {$in: ["bought", "offer_accepted"]}, chain: "aptos"}' --sort -time
`, s.at, self(), flag)
}

// advance moves the recorded chains on, step by step.
func (s *show) advance(ctx context.Context) {
	fmt.Fprintf(s.screen, "\nThe recorded chains now advance every %s. Ctrl-C stops.\n", s.flags.pace)
	for i, node := range s.nodes {
		s.stepping.Go(func() {
			node.Run(ctx, s.flags.pace)
			if ctx.Err() == nil {
				fmt.Fprintf(s.screen, "The recording of %s ends here, at %s; it has no more events.\n", demoMarkets[i].Chain, grouped(node.Head()))
			}
		})
	}
}
