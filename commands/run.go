package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
)

type runFlags struct {
	config, data, logLevel, logFormat, logDir string
	once                                      bool
}

func newRun(assets Assets) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Follow the chains and markets of a configuration",
		Long: `Follow the chains and markets of a configuration until SIGINT or SIGTERM, going on
where an earlier run ended. With --once it ends when every stream has caught up
with the head that its chain had at the start.

The data go to the database of the variable MONGODB_URI, or else to the configured
data folder.

All processes that run on one MongoDB database are one cluster: they find each other
there, share the chains out evenly among them, and take over those of nodes that die.
With SIGTERM a process first gives its chains to the others. With --once a process
runs alone, and only where no cluster does.

A chain whose endpoints do not answer, or serve another chain, waits for them: the log
says so, they are tried again for ever, and the other chains go on. The process ends at
once only where all chains' endpoints serve other chains, and with --once where any
endpoint fails at the start.

"status" and "query" show what is going on meanwhile; so do /healthz, /readyz and
/metrics at the address monitor.listen. The log goes to standard error, and with
--log-dir to files besides, one for each kind of chain and level.`,
		Example: `  event-worker config example > event-worker.yaml
  event-worker run --config event-worker.yaml
  event-worker run --log-dir logs --log-format json
  EVENT_WORKER_CHAINS_ETHEREUM_ENDPOINT=https://… event-worker run --once`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), assets, c.ErrOrStderr(), f) },
	}
	c.Flags().StringVar(&f.config, "config", defaultConfig, "the configuration file")
	c.Flags().StringVar(&f.data, "data", "", "the data folder, instead of MongoDB and of the configured one")
	c.Flags().BoolVar(&f.once, "once", false, "end when every stream has caught up")
	c.Flags().StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error, instead of the configured one")
	c.Flags().StringVar(&f.logFormat, "log-format", "", "text or json, instead of the configured one")
	c.Flags().StringVar(&f.logDir, "log-dir", "", "a folder for log files besides, instead of the configured one")
	return c
}

func run(ctx context.Context, assets Assets, stderr io.Writer, f runFlags) error {
	cfg, err := f.load()
	if err != nil {
		return err
	}
	log, files, err := logs.New(stderr, cfg.Log, kinds(cfg))
	if err != nil {
		return err
	}
	defer files.Close()
	for _, word := range cfg.Removed {
		log.Warn("an option has been removed, it changes nothing", "option", word)
	}
	for _, name := range cfg.Unused {
		log.Warn("no option has this environment variable, it changes nothing", "variable", name)
	}
	if err := f.choose(&cfg); err != nil {
		return err
	}
	sources, err := open(cfg, assets, log)
	defer closeAll(sources)
	if err != nil {
		return err
	}
	at := f.location(cfg)
	p := newProbe(cfg, sources, log)
	defer p.stop()
	if err := p.look(ctx, f.once); err != nil {
		return err
	}
	store, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := checkOwner(ctx, store, at, false); err != nil {
		return err
	}
	limitMemory(log)
	log.Info("starting", "node", cfg.Node, "data", at.String(), "version", version())
	watch := &logWatcher{log: log, docs: store, node: cfg.Node, chains: kinds(cfg)}
	watch.begin(ctx)
	if err := f.follow(ctx, cfg, at, store, sources, watch, log); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// limitMemory makes the garbage collector work harder before a container's limit is
// reached, unless GOMEMLIMIT says something else.
func limitMemory(log *slog.Logger) {
	const part = 0.85
	limit, err := memlimit.SetGoMemLimitWithOpts(memlimit.WithRatio(part), memlimit.WithProvider(memlimit.FromCgroup), memlimit.WithLogger(slog.New(slog.DiscardHandler)))
	if err == nil && limit > 0 {
		log.Debug("memory limit", "bytes", limit)
	}
}

// choose leaves only the chains that the process may follow.
func (f runFlags) choose(cfg *config.Config) error {
	cfg.Chains = slices.DeleteFunc(cfg.Chains, func(c config.Chain) bool { return !cfg.Cluster.Serves(c) })
	if len(cfg.Chains) == 0 {
		return fmt.Errorf("%s: no configured chain is one of cluster.roles (%s): configure one, or other roles", f.config, strings.Join(cfg.Cluster.Roles, ", "))
	}
	return nil
}

// clustered says whether the process is to share its data with others.
func (f runFlags) clustered(at location) bool { return at.uri != "" && !f.once }

// follow follows the chains, alone or as a node of a cluster.
func (f runFlags) follow(ctx context.Context, cfg config.Config, at location, store persistence.Store, sources []actors.Chain, watch watcher, log *slog.Logger) error {
	metrics := monitor.New()
	for i, c := range sources {
		sources[i].Chain = metrics.Chain(c.Chain, c.Name)
	}
	a := actors.Config{Node: cfg.Node, Store: metrics.Store(store), Log: log, Chains: sources, Tuning: cfg.Tuning, Memory: cfg.Memory, Health: actors.NewHealth()}
	if f.clustered(at) {
		return member{cfg, store.(persistence.Registry), metrics, watch}.follow(ctx, a)
	}
	if err := at.idle(ctx, store); err != nil {
		return err
	}
	if !f.once {
		well := func() error { return nil }
		health, err := serveHealth(ctx, cfg, metrics, well, a.Health.Ready, nil, log)
		if err != nil {
			return err
		}
		defer health.Close()
	}
	return follow(ctx, a, f.once, lookEvery, watch)
}

// load reads the configuration with what the flags change.
func (f runFlags) load() (config.Config, error) {
	cfg, err := config.Load(f.config, os.Environ())
	if err != nil {
		return cfg, err
	}
	if f.logLevel != "" {
		if err := cfg.Log.Level.UnmarshalText([]byte(f.logLevel)); err != nil {
			return cfg, fmt.Errorf("--log-level %q: choose debug, info, warn or error", f.logLevel)
		}
	}
	if f.logFormat != "" {
		if !slices.Contains(config.Formats, f.logFormat) {
			return cfg, fmt.Errorf("--log-format %q: choose text or json", f.logFormat)
		}
		cfg.Log.Format = f.logFormat
	}
	cfg.Log.Dir = cmp.Or(f.logDir, cfg.Log.Dir)
	return cfg, nil
}

// location is where the data are: in the configured folder unless a place is named.
func (f runFlags) location(cfg config.Config) location {
	if at, named := named(f.data); named {
		return at
	}
	return location{folder: cfg.Data}
}

// kinds are those of the configured chains, by name.
func kinds(cfg config.Config) map[string]string {
	out := map[string]string{}
	for _, c := range cfg.Chains {
		out[c.Name] = string(c.Kind)
	}
	return out
}

// open makes the chains. It asks nothing of their endpoints yet.
func open(cfg config.Config, assets Assets, log *slog.Logger) ([]actors.Chain, error) {
	var out []actors.Chain
	budget := chains.NewBudget(cfg.Memory)
	for _, c := range cfg.Chains {
		chain := actors.Chain{Name: c.Name, Poll: c.Poll}
		var sources []markets.Source
		for _, m := range c.Markets {
			sources = append(sources, sourcesOf(m.Market)...)
		}
		numbers, err := assets.numbers(c)
		if err == nil {
			chain.Chain, err = newChain(c, sources, numbers, budget, log)
		}
		if err != nil {
			return out, fmt.Errorf("chain %s: %w", c.Name, err)
		}
		for _, m := range c.Markets {
			chain.Markets = append(chain.Markets, beginning(m, chain.Chain))
		}
		out = append(out, chain)
	}
	return out, nil
}

func closeAll(all []actors.Chain) {
	for _, c := range all {
		c.Chain.Close()
	}
}

func sourcesOf(m markets.Market) []markets.Source {
	var sources []markets.Source
	for _, s := range m.Streams {
		sources = append(sources, s.Source)
	}
	return sources
}

// newChain makes a chain of its configuration.
func newChain(c config.Chain, sources []markets.Source, numbers func(markets.Source) []int64, budget *chains.Budget, log *slog.Logger) (chains.Chain, error) {
	log = log.With("chain", c.Name)
	if c.Kind == markets.Aptos {
		return aptos.New(aptos.Config{
			Endpoints: c.Endpoints, ChainID: c.ID, Timeout: c.Timeout, Numbers: numbers, Sources: sources,
			Stream: c.Stream, StreamToken: strings.TrimPrefix(c.Header.Get("Authorization"), "Bearer "), Budget: budget, Log: log,
		})
	}
	return evm.New(evm.Config{
		Endpoints: c.Endpoints, ChainID: c.ID, Timeout: c.Timeout, Sources: sources,
		Confirmations: c.Confirmations, MaxUnfinal: c.MaxUnfinal, MaxRange: c.MaxRange,
		InFlight: c.InFlight, MaxBatch: c.MaxBatch, HollowBlooms: c.Preset.HollowBlooms,
		ConfirmViolations: c.FinalityViolations.Confirm, HoldViolations: c.FinalityViolations.Wait, Budget: budget, Log: log,
	})
}
