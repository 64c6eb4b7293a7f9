// Package demo implements the commands demo and replay, which follow and serve the recorded
// mainnet data that is embedded in the program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/worker"
)

const (
	// demoFirstBlock is below the first block that the recording has events of.
	demoFirstBlock = 15_990_000
	demoPoll       = 200 * time.Millisecond
	demoLook       = 250 * time.Millisecond
	// demoLines is the interval at which progress is printed without a terminal.
	demoLines = 2 * time.Second
)

// Markets are the recorded markets, one for each chain.
var Markets = []persistence.MarketRef{
	{Chain: "ethereum", Market: "seaport"},
	{Chain: "aptos", Market: "tradeport"},
}

// Folder is the demo's data folder unless another one is named.
const Folder = "event-worker-demo"

// Data is where the demo keeps its documents.
type Data interface {
	worker.Data
	// Flag is what names the data to other commands, or empty if the environment does.
	Flag() string
}

type flags struct {
	data string
	once bool
	pace time.Duration
}

// New returns the command demo. locate finds the data by the value of --data, which may be
// empty.
func New(recordings Recordings, locate func(data string) (Data, error)) *cobra.Command {
	var f flags
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
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.pace < time.Millisecond {
				return fmt.Errorf("--pace %s: must be at least 1ms", f.pace)
			}
			at, err := locate(f.data)
			if err != nil {
				return err
			}
			return cli.Stopped(c.Context(), run(c.Context(), recordings, at, c.OutOrStdout(), f))
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "the data folder (default "+Folder+")")
	c.Flags().BoolVar(&f.once, "once", false, "read the whole recording and end")
	c.Flags().DurationVar(&f.pace, "pace", 500*time.Millisecond, "how often the recorded chains advance")
	return c
}

func run(ctx context.Context, recordings Recordings, at Data, out io.Writer, f flags) (err error) {
	screen := cli.NewScreen(out)
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
	for _, ref := range Markets {
		chain, node, err := replayed(ctx, recordings, ref, log)
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
	show.page = w.Page
	if err := show.start(ctx, w.Store()); err != nil {
		return err
	}
	err = w.Follow(ctx, demoLook, show)
	if err == nil && !f.once {
		fmt.Fprintln(screen, "Stopped. The next start continues from here.")
	}
	return err
}

// replayed starts a node that serves a recorded chain, and the chain that reads it.
func replayed(ctx context.Context, recordings Recordings, ref persistence.MarketRef, log *slog.Logger) (actors.Chain, *replay.Node, error) {
	recording, err := recordings.Open(ref.Chain)
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
	// The node outlives the context, so that the worker stops before it.
	node, err := replay.Serve(context.WithoutCancel(ctx), "127.0.0.1:0", recording)
	if err != nil {
		return actors.Chain{}, nil, err
	}
	out := actors.Chain{Name: ref.Chain, Poll: demoPoll, Markets: []actors.Market{{Market: market, Start: start(recording, market)}}}
	if market.Kind == markets.Aptos {
		out.Chain, err = aptos.New(aptos.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Numbers: numbers(recording), Sources: worker.Sources(market), Log: log})
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

// Recorded opens one of the demo's chains at the end of its recording. The caller calls
// closed. ok is false if the demo has no chain of that name.
func Recorded(ctx context.Context, recordings Recordings, name string, log *slog.Logger) (chain actors.Chain, closed func(), ok bool, err error) {
	for _, ref := range Markets {
		if ref.Chain != name {
			continue
		}
		chain, node, err := replayed(ctx, recordings, ref, log)
		if err != nil {
			return chain, nil, true, err
		}
		node.Finish()
		return chain, func() { chain.Chain.Close(); _ = node.Close() }, true, nil
	}
	return actors.Chain{}, nil, false, nil
}
