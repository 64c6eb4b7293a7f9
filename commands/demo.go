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
		Long: `Start nodes on this machine that serve recorded mainnet data (Seaport on Ethereum,
Tradeport on Aptos) over HTTP as real nodes do, and follow them with everything that
follows real chains. When the history is read, the demo says what it found and goes
on while the recorded chains advance, until Ctrl-C.

It keeps its data in a folder, or in the database of the variable MONGODB_URI if that
is set. Stop it as you like, kill -9 too: started again it goes on where it was. To
begin anew, delete the folder, or drop the database.`,
		Example: `  event-worker demo
  event-worker demo --once --data /tmp/demo
  event-worker status --data /tmp/demo`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.pace < time.Millisecond {
				return fmt.Errorf("--pace %s: give at least 1ms", f.pace)
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
	store, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := checkOwner(ctx, store, at, true); err != nil {
		return err
	}
	if err := at.idle(ctx, store); err != nil {
		return err
	}
	screen := newScreen(out)
	log, _, err := logs.New(screen, config.Log{Level: slog.LevelWarn}, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	show := &show{flags: f, at: at, screen: screen, docs: store, begun: time.Now()}
	defer show.stepping.Wait()
	defer cancel()
	fmt.Fprintf(screen, "Following recorded mainnet data, kept in %s.\n", at)
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
	if err := show.begin(ctx); err != nil {
		return err
	}
	for i, ref := range demoMarkets {
		node := show.nodes[i]
		fmt.Fprintf(screen, "  %-9s a node on this machine, %s, its head at %s\n", ref.Chain, node.URL(), grouped(node.Head()))
	}
	tuning := actors.DefaultTuning
	tuning.Tick = demoLook
	err = follow(ctx, actors.Config{
		Node: config.DemoNode, Store: store, Log: log, Chains: followed, Tuning: tuning,
	}, f.once, demoLook, show)
	if err == nil && !f.once {
		fmt.Fprintln(screen, "Stopped. Started again, it goes on where it was.")
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
		out.Chain, err = aptos.New(aptos.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Numbers: numbers(recording), Sources: sourcesOf(market)})
	} else {
		out.Chain, err = evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Sources: sourcesOf(market), Log: log})
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
	docs     querier
	nodes    []*replay.Node
	stepping sync.WaitGroup

	begun   time.Time
	first   *rates            // since the beginning
	recent  *rates            // of about a second
	printed map[string]stream // as last printed
	lines   time.Time         // when that was
}

// begin brings the recorded chains to where they must be: with --once to their
// ends, and otherwise at least to where an earlier demo has seen them.
func (s *show) begin(ctx context.Context) error {
	all, err := streams(ctx, s.docs)
	if err != nil {
		return err
	}
	s.first, s.recent = newRates(s.begun, all), newRates(s.begun, all)
	s.printed = map[string]stream{}
	for i, node := range s.nodes {
		if s.flags.once {
			node.Finish()
		}
		for _, stream := range all {
			for stream.chain == demoMarkets[i].Chain && node.Head() < stream.height && node.Step() {
			}
		}
	}
	return nil
}

func (s *show) look(ctx context.Context) error {
	all, err := streams(ctx, s.docs)
	if err != nil {
		return err
	}
	now := time.Now()
	s.recent.fill(now, all)
	if now.Sub(s.recent.at) > time.Second {
		s.recent = newRates(now, all)
	}
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
func (s *show) print(all []stream) error {
	news := slices.DeleteFunc(all, func(stream stream) bool {
		before, known := s.printed[stream.id()]
		return known && before.events == stream.events && before.state == stream.state
	})
	if len(news) == 0 {
		return nil
	}
	return s.keep(news)
}

// keep prints streams so that they stay.
func (s *show) keep(all []stream) error {
	for _, stream := range all {
		s.printed[stream.id()] = stream
	}
	_, err := fmt.Fprintf(s.screen, "\n%s\n", strings.Join(table(all), "\n"))
	return err
}

// caughtUp tells what was found, and lets the recorded chains advance.
func (s *show) caughtUp(ctx context.Context) error {
	all, err := streams(ctx, s.docs)
	if err != nil {
		return err
	}
	now := time.Now()
	s.first.fill(now, all)
	if err := s.screen.show(nil); err != nil {
		return err
	}
	var events int64
	for _, stream := range all {
		events += stream.events - s.first.events[stream.id()]
	}
	if err := s.keep(all); err != nil {
		return err
	}
	fmt.Fprintf(s.screen, "\nCaught up in %.1f s: %s in %s.\n", now.Sub(s.begun).Seconds(), some(events, "new event"), some(int64(len(all)), "stream"))
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
				fmt.Fprintf(s.screen, "The recording of %s ends here, at %s; nothing more will happen there.\n", demoMarkets[i].Chain, grouped(node.Head()))
			}
		})
	}
}
